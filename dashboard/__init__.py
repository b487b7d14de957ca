"""What the pages share and only Streamlit needs: frame, state, charts and forms."""
