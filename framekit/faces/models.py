"""The face detectors that are known by a short name, and the least score of each."""

from framekit.models.hub import HubModel

# YOLOv8, `model.onnx` each: NCHW RGB 0-1, 640 px and classes unless the file's metadata names others.
DETECTORS = {
    "face_detect_v1.4_s": HubModel(
        "deepghs/anime_face_detection",
        "face_detect_v1.4_s",
        "784dc4c0bb692351ddcdbe6131a050b17d3025d5",
        "MIT",
        {"model.onnx": "403b5bc93b6ff789b7d183418df4a1364049bac00c24acd927604a7ff6891483"},
    ),
    "face_detect_v1.4_n": HubModel(
        "deepghs/anime_face_detection",
        "face_detect_v1.4_n",
        "784dc4c0bb692351ddcdbe6131a050b17d3025d5",
        "MIT",
        {"model.onnx": "fd860b650a4377046842c3cd80d01b0b408bdfbdb4acee5759630f82c6ef04a9"},
    ),
    "head_detect_v2.0_s": HubModel(
        "deepghs/anime_head_detection",
        "head_detect_v2.0_s",
        "06604feee81983792a57c21081e539c0ae229833",
        "MIT",
        {"model.onnx": "6679f9b71192298bbf174d82e9e5581c3237b0c3dc67deace7cdbf686b070a00"},
    ),
    "person_detect_v1.1_m": HubModel("deepghs/anime_person_detection", "person_detect_v1.1_m", licence="MIT"),
    "halfbody_detect_v1.0_s": HubModel("deepghs/anime_halfbody_detection", "halfbody_detect_v1.0_s", licence="MIT"),
}
EMBEDDED = "animeface"
# Scores below these are no faces. animeface: at 640 px with both looks 127 of 130 faces of the sample show are found
# and no false one. YOLO: the owner's best-F1 point. Source: model cards of deepghs.
MIN_SCORES = {
    EMBEDDED: 0.7,
    "face_detect_v1.4_s": 0.307,
    "face_detect_v1.4_n": 0.278,
    "head_detect_v2.0_s": 0.3,
    "person_detect_v1.1_m": 0.35,
    "halfbody_detect_v1.0_s": 0.5,
}
OTHER_MIN_SCORE = 0.3
