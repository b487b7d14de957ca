"""What only Streamlit needs: what all pages share, and a folder per page."""
