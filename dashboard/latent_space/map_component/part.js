// Hands one part of a map (its points, its colours, its selection …) to map.js. A part of its own is a message of its
// own, which Streamlit sends again only when its content has changed.
export default function ({ data }) {
  if (!data) return
  const bus = (globalThis[Symbol.for("vgae-studio-maps")] ??= new EventTarget())
  const maps = (bus.parts ??= new Map())
  const bytes = new Uint8Array(data)
  const length = new DataView(bytes.buffer).getUint32(0, true)
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)))
  const part = { head, body: bytes.slice(4 + length) }
  if (!maps.has(head.map)) maps.set(head.map, new Map())
  const parts = maps.get(head.map)
  parts.set(head.part, part)
  bus.dispatchEvent(new CustomEvent(head.map, { detail: head.part }))
  return () => { if (parts.get(head.part) === part) parts.delete(head.part) }
}
