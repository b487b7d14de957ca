"""Style and script of a report's page."""

STYLE = """
:root{color-scheme:light}
body{font:15px/1.5 system-ui,sans-serif;color:#1a1d24;background:#fff;margin:0}
main{max-width:1200px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:1.8rem;margin:0}
h2{font-size:1.25rem;margin:2.2rem 0 .6rem}
table{border-collapse:collapse;font-size:13px}
th,td{padding:4px 10px;border-bottom:1px solid #e3e6ea;text-align:left;white-space:nowrap}
th{background:#f5f6f8;position:sticky;top:0}
td.best{background:rgba(0,158,115,.22)}
.wide{overflow:auto;max-height:420px;border:1px solid #e3e6ea;border-radius:6px}
.muted{color:#5b6570;font-size:13px}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(420px,100%),1fr));gap:8px}
.plot{min-width:0}
details{margin:.6rem 0}
summary{cursor:pointer;font-weight:600}
pre{background:#f5f6f8;padding:10px;overflow:auto;max-height:360px;border-radius:6px}
input[type=search]{margin:.5rem 0;padding:5px 8px;width:min(320px,100%)}
"""

SCRIPT = """
"use strict"
const data = JSON.parse(document.getElementById("data").textContent)
const drawn = data.plots.map((figure, place) => {
  const element = document.getElementById("plot" + place)
  const isMap = figure.layout.meta === "maps"
  if (isMap) for (const trace of figure.data) trace.text = named(trace.customdata)
  Plotly.newPlot(element, figure.data, figure.layout, {responsive: true, displaylogo: false})
  if (isMap) link(element)
  return element
})
function numbers(values) {  // Plotly's own packed form of an array, or a plain one
  if (!values || !values.bdata) return values || []
  const bytes = Uint8Array.from(atob(values.bdata), c => c.charCodeAt(0))
  const kinds = {i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array,
                 f4: Float32Array, f8: Float64Array}
  return Array.from(new kinds[values.dtype](bytes.buffer))
}
function named(nodes) { return numbers(nodes).map(node => data.names[node]) }
function link(element) {
  const nodes = element.data.map(trace => numbers(trace.customdata))
  const note = document.getElementById("selection"), usual = note.textContent
  let busy = false
  const show = chosen => {
    busy = true
    const places = nodes.map(of => chosen && of.flatMap((node, i) => chosen.has(node) ? [i] : []))
    Plotly.restyle(element, {selectedpoints: places}).then(() => { busy = false })
    note.textContent = chosen ? chosen.size + " selected: " + [...chosen].slice(0, 30)
      .map(node => new DOMParser().parseFromString(data.names[node], "text/html").body.textContent).join(", ") : usual
  }
  element.on("plotly_selected", event => {
    if (!busy && event && event.points.length)
      show(new Set(event.points.map(point => nodes[point.curveNumber][point.pointIndex])))
  })
  element.on("plotly_deselect", () => { if (!busy) show(null) })
}
const log = document.getElementById("log")
if (log) log.addEventListener("change", () => {
  for (const element of drawn) if (element.closest(".curves")) {
    const axes = Object.keys(element.layout).filter(key => key.startsWith("yaxis"))
    Plotly.relayout(element, Object.fromEntries(axes.map(key => [key + ".type", log.checked ? "log" : "linear"])))
  }
})
for (const box of document.querySelectorAll("details.links")) {
  box.querySelector("input").addEventListener("input", event => {
    const part = event.target.value.toLowerCase()
    for (const row of box.querySelectorAll("tbody tr")) row.hidden = !row.textContent.toLowerCase().includes(part)
  })
}
"""
