// Pictures of a map with its legend, to be saved.

const MOST_CIRCLES = 50_000 // of a saved SVG; more points are an image in it

function picture(map, vector) { // the map with its legend, as SVG; its points are circles, or an image
  const { clientWidth: width, clientHeight: height } = map.stage, { head } = map.colour
  map.moving = false
  map.drawNow() // what WebGL has drawn is gone after a frame
  let rows = map.entries().filter(({ group }) => !map.hidden.has(group))
  if (head.kind === "scale")
    rows = [0, 0.25, 0.5, 0.75, 1].map((share, i) => ({ colour: `rgb(${map.between(share)})`, name: head.ends[i / 4] ?? "" }))
  PEN.font = `600 13px ${map.font}`
  const aside = Math.max(...[head.title, ...rows.map((row) => row.name)].map((text) => PEN.measureText(text).width))
  const svg = document.createElementNS(SVG, "svg")
  set(svg, { width: Math.ceil(width + aside + 40), height })
  add(svg, "rect", { width: "100%", height: "100%", fill: map.ink.ground })
  const copy = (layer) => { svg.append(layer.cloneNode(true)); set(svg.lastChild, { width, height }) }
  copy(map.under)
  if (vector && map.points.n <= MOST_CIRCLES) circles(map, add(svg, "svg", { width, height }))
  else add(svg, "image", { width, height, href: map.gl.canvas.toDataURL() })
  copy(map.over)
  map.write(svg, head.title, width + 10, 24, 13, true)
  rows.forEach(({ colour, name }, i) => {
    add(svg, "rect", { x: width + 10, y: 36 + 20 * i, width: 11, height: 11, fill: colour })
    map.write(svg, name, width + 28, 46 + 20 * i, 13)
  })
  return new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" })
}

function circles(map, svg) {
  const { points } = map, chosen = new Set(points.picked), r = points.size(map.closer) / 2
  for (let i = 0; i < points.n; i++) {
    if (!points.shown(i)) continue
    const [cx, cy] = map.placeOf(i), fill = `rgb(${points.colour(i).slice(0, 3)})`
    add(svg, "circle", { cx: cx.toFixed(1), cy: cy.toFixed(1), r, fill, "fill-opacity": chosen.size && !chosen.has(i) ? 0.15 : 0.9 })
  }
}

function png(map) {
  const image = new Image(), canvas = document.createElement("canvas")
  image.onload = () => {
    Object.assign(canvas, { width: image.width * map.ratio, height: image.height * map.ratio })
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height)
    URL.revokeObjectURL(image.src)
    canvas.toBlob((blob) => save(blob, "png"))
  }
  image.src = URL.createObjectURL(picture(map, false))
}

function save(blob, suffix) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: `map.${suffix}` })
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
