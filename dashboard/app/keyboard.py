"""Help icons out of the way of the Tab key, and a key that opens them."""

from __future__ import annotations

import streamlit as st

_keyboard = st.components.v2.component(
    "vgae_studio_keyboard",
    js="""
export default function () {
  if (window.vgaeStudioKeyboard) return
  window.vgaeStudioKeyboard = true
  const ICONS = '[data-testid="stTooltipIcon"] button[aria-label^="Help"]'
  const skip = () => {
    for (const icon of document.querySelectorAll(ICONS + ':not([tabindex="-1"])')) icon.tabIndex = -1
  }
  let waiting = false
  new MutationObserver(() => {
    if (waiting) return
    waiting = true
    requestAnimationFrame(() => { waiting = false; skip() })
  }).observe(document.body, { childList: true, subtree: true })
  skip()
  let from = null
  document.addEventListener("keydown", (event) => {
    const here = document.activeElement
    const onIcon = here?.matches?.(ICONS)
    if (event.key === "Escape" && onIcon && from?.isConnected) {
      from.focus()
    } else if (event.key === "F1") {
      event.preventDefault()
      const icons = [...document.querySelectorAll(ICONS)]
      const own = here?.closest?.('[data-testid="stElementContainer"]')?.querySelector(ICONS)
      const after = (icon) => here.compareDocumentPosition(icon) & Node.DOCUMENT_POSITION_FOLLOWING
      const next = icons.find(after) ?? icons[0]
      if (!onIcon) from = here
      ;((!onIcon && own) || next)?.focus()
    }
  })
}
""",
)


def shortcuts() -> None:
    """Leave help icons out of the order of the Tab key; F1 opens the help of the field one is in, and then the next.

    Streamlit makes a stop of every icon, which doubles the way through a page, and has no setting for it. Screen
    readers find the icons all the same.
    """
    _keyboard(key="keyboard", height=1)
