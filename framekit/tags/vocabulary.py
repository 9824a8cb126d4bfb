"""Groups of tags: what counts people, hair, eyes, clothes, and what never belongs to a character."""

import re
from functools import lru_cache

# Emoticons that lose their meaning without the underscore. Source: the 19 of the WD taggers' own demo.
KAOMOJI = frozenset("0_0 (o)_(o) +_+ +_- ._. <o>_<o> <|>_<|> =_= >_< 3_3 6_9 >_o @_@ ^_^ o_o u_u x_x |_| ||_||".split())
PEOPLE = re.compile(r"\d+\+?(?:boy|girl|other)s?|solo|multiple_(?:boys|girls|others|people)")
NO_HUMANS = "no_humans"  # of a picture without people, as taggers call it
NUMBER_OF = re.compile(r"(\d+)\+?(boy|girl|other)s?")
SEVERAL = re.compile(r"multiple_(boys|girls|others|people)")
# A tag belongs to a group if its last word is in it, so that hair_ribbon is no hair and eyepatch no eyes. Words chosen
# by hand from Danbooru's general tags.
HAIR = frozenset(
    "hair ponytail ponytails twintail twintails braid braids bun buns bangs ahoge cut sidelock sidelocks drill"
    " drills dreadlocks afro updo topknot haircut bald".split()
)
HAIR_BEGINNINGS = ("hair_between_", "hair_over_", "hair_intakes", "hair_up", "hair_down", "hair_flaps", "hair_slicked")
EYES = frozenset("eyes pupils iris heterochromia sanpaku tareme tsurime jitome".split())
EXPRESSIONS = frozenset("closed half-closed half_closed empty rolling narrowed covering covered wide crossed".split())
OUTFIT = frozenset(
    "dress shirt skirt shorts pants jeans coat jacket hoodie sweater cardigan vest blouse uniform serafuku"
    " kimono yukata hakama swimsuit bikini leotard bodysuit armor apron cape cloak robe suit tie necktie bowtie"
    " neckerchief scarf ascot collar sleeves sleeveless cuffs gloves mittens socks kneehighs thighhighs"
    " pantyhose leggings legwear footwear shoes boots sandals loafers sneakers slippers heels hat cap beret"
    " hood helmet headwear crown tiara glasses eyewear sunglasses goggles earrings necklace choker bracelet"
    " ring jewelry belt sash obi bow ribbon hairband hairclip headband headphones hairpin ornament scrunchie"
    " bag backpack handbag clothes pajamas underwear bra panties lingerie tank-top t-shirt turtleneck overalls"
    " blazer neckwear".split()
)
# Words of the scene, the camera, the pose, and the expression: tags that hold one of them describe a moment, not a
# character, and are never a character's core tags. Chosen by hand from Danbooru's general tags.
OF_THE_MOMENT = frozenset(
    "solo focus male female boy boys girl girls other others people humans body background looking smile mouth sky"
    " standing sitting lying walking running portrait close-up upper lower cowboy shot view viewer blush closed"
    " open teeth tongue tears crying sweat angry sad happy surprised expression frown grin fang holding hand"
    " hands arm arms finger fingers leg legs day night outdoors indoors sunset cloud clouds cloudy tree trees"
    " grass water snow rain window light dark bright monochrome greyscale blurry depth letterboxed subtitled"
    " screencap anime from profile facing wide turned sunlight shadow text school classroom building city"
    " street room wall door table chair bed food simple white-out multiple parted clenched v-shaped eyebrows"
    " half-closed one eyes_visible visible".split()
)


@lru_cache(maxsize=2**16)  # the same tags come up on frame after frame
def group_of(tag: str) -> str:
    """Return `people`, `hair`, `eyes` or `outfit`; "" for other tags. Underscores and blanks are alike."""
    name = tag.replace(" ", "_").lower()
    first, last = name.split("_")[0], name.split("_")[-1]
    if PEOPLE.fullmatch(name):
        return "people"
    if last in HAIR or name.startswith(HAIR_BEGINNINGS):
        return "hair"
    if last in EYES and first not in EXPRESSIONS:
        return "eyes"
    return "outfit" if last in OUTFIT else ""


def is_of_the_moment(tag: str) -> bool:
    """Return whether a tag describes the scene, the camera or a pose, and not who is there."""
    words = tag.replace(" ", "_").lower().split("_")
    return group_of(tag) == "people" or (group_of(tag) == "" and not OF_THE_MOMENT.isdisjoint(words))


def people_in(tags: list[str]) -> int:
    """Return how many people the tags count: the most girls, boys and others together; 0 if they don't say.

    `6+girls` counts 6, `multiple_girls` alone 2, `solo` alone 1.
    """
    most: dict[str, int] = {}
    names = [tag.replace(" ", "_").lower() for tag in tags]
    for name in names:
        if found := NUMBER_OF.fullmatch(name):
            most[found[2]] = max(most.get(found[2], 0), min(int(found[1]), 99))
        elif several := SEVERAL.fullmatch(name):
            kind = several[1].removesuffix("s")
            most[kind] = max(most.get(kind, 0), 2)
    people = most.pop("people", 0)
    return max(sum(most.values()), people, int("solo" in names))
