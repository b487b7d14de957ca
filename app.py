"""Router of VGAE Studio: page settings, navigation and deep links; the work is in pages/."""

from pathlib import Path

import streamlit as st

from dashboard.app import frame, keyboard, state, upload_bounds, warm_up

# A file of our own: for the name of an icon, every browser would fetch it from a font server.
HERE = Path(__file__).parent
ICON = HERE / "dashboard" / "app" / "icon.svg"

st.set_page_config(page_title="VGAE Studio", page_icon=ICON, layout="wide")
st.logo(HERE / "dashboard" / "app" / "wordmark.svg", size="large")

upload_bounds.bound_server()

PAGES = {
    "data": ("Data", ":material/database:", "Bring a graph and look at it."),
    "model": ("Model", ":material/schema:", "Outputs, losses, encoder and training settings."),
    "train": ("Train", ":material/play_circle:", "Start a run and watch it learn."),
    "sweep": ("Sweep", ":material/tune:", "Train many variants and keep the best."),
    "latent_space": ("Latent space", ":material/scatter_plot:", "Explore what each node's code tells."),
    "reconstruction": ("Reconstruction", ":material/join_inner:", "Scores, missing and unlikely links."),
    "what_if": ("What if", ":material/alt_route:", "Edit the graph and see what would change."),
    "compare": ("Compare", ":material/compare_arrows:", "Several runs beside each other."),
    "runs": ("Runs", ":material/history:", "Everything you trained."),
}

pages = {
    name: st.Page(
        f"pages/{name}.py",
        title=title,
        icon=icon,
        help=about,
        default=name == "data",
        url_path="first" if name == "data" else name,  # Streamlit serves the default page at the bare address
    )
    for name, (title, icon, about) in PAGES.items()
}


def first_page() -> None:
    """Lead on to the first page, which lives at the bare address."""
    st.switch_page(pages["data"], query_params=st.query_params.to_dict())


by_name = st.Page(first_page, title="Data", url_path="data", visibility="hidden")
page = st.navigation([*pages.values(), by_name], position="top")

if wanted := frame.entered():
    name, query = wanted
    st.switch_page(pages[name], query_params=query)

try:
    with st.container():
        page.run()
finally:
    frame.ink()
    frame.watch_connection()
    keyboard.shortcuts()
    state.keep_workspace()  # after the page: the visitor waits for that
    warm_up.later(warm_up.DRAWN_SECONDS if page is pages["data"] else 0)  # also where the page ended early
    warm_up.settle()
