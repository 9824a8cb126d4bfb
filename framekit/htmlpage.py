"""htmlpage."""

STYLE = """
:root{color-scheme:light dark}body{font:15px/1.4 system-ui,sans-serif;margin:1.5em auto;max-width:1200px;padding:0 1em}
.row{display:flex;flex-wrap:wrap;gap:8px;margin:8px 0 18px}figure{margin:0;max-width:200px}
img,.none{height:108px;border-radius:4px;display:block;max-width:100%;object-fit:cover}
.none{width:192px;background:#8886;display:grid;place-items:center}
.kept img{outline:3px solid #2a9d4a}figcaption{font-size:12px;overflow-wrap:anywhere}
svg{width:100%;height:auto;max-width:760px}.pair{display:flex;gap:2px;border:1px solid #8886;padding:4px}
"""
