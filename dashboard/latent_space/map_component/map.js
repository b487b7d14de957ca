// A map of points (points.js). WebGL draws these; what lies under them (density, lines) and over them (names, rings, arrows,
// the lasso) is SVG, on the screen as in the pictures that are saved. The legend, the tools and the card are elements.
// Parts arrive by part.js. What goes back to Python is an event: a click, or the outline of a lasso or box in the map's
// own coordinates.

const bus = (globalThis[Symbol.for("vgae-studio-maps")] ??= new EventTarget())
const SVG = "http://www.w3.org/2000/svg"
const PEN = document.createElement("canvas").getContext("2d") // measures texts
const NEAR = 9 // pixels within which a point is pointed at
const MOST_LINES = 2_000 // drawn while the map moves
const MOST_CORNERS = 400 // of an outline

export default function ({ parentElement: root, data, setStateValue, setTriggerValue }) {
  const canvas = document.createElement("canvas")
  const gl = root.vgaeMap?.gl ?? canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true })
  if (!gl) {
    if (root.querySelector(".without")) return
    add(root, "div", { class: "without" }, "This browser draws no WebGL; a simpler map follows.")
    setStateValue("without_webgl", true)
    return
  }
  const map = (root.vgaeMap ??= new PointMap(root, data.map, gl))
  map.tell = (event) => setTriggerValue("event", { ...event, projection: map.head?.key ?? "" })
  map.restyle() // called again when the theme changes
  return () => { map.close(); delete root.vgaeMap }
}

class PointMap {
  constructor(root, name, gl) {
    this.name = name
    this.gl = gl
    this.points = new Points(gl)
    this.view = { x: 0, y: 0, zoom: 1 } // centre in map coordinates, and pixels per unit: axes are equal
    this.hidden = new Set() // groups toggled off
    this.labelled = true
    this.names = []
    this.focus = { head: { node: -1, hubs: [], arrows: [] }, ends: [] }
    this.frames = 0
    this.build(root)
    this.listen()
    this.restyle()
    this.receive = (event) => this.take(event.detail)
    bus.addEventListener(name, this.receive)
    ;(bus.maps ??= new Map()).set(name, this) // for tests and measurements
    this.watcher = new ResizeObserver(() => this.resize())
    this.watcher.observe(this.stage)
    for (const part of bus.parts?.get(name)?.keys() ?? []) this.take(part)
  }

  close() {
    bus.removeEventListener(this.name, this.receive)
    if (bus.maps.get(this.name) === this) bus.maps.delete(this.name)
    this.watcher.disconnect()
    cancelAnimationFrame(this.frame)
    this.gl.getExtension("WEBGL_lose_context")?.loseContext() // browsers allow few contexts
    this.box.remove()
  }

  // ------------------------------------------------------------------------------------------------------ elements
  build(root) {
    this.box = add(root, "div", { class: "map" })
    this.legend = add(this.box, "div", { class: "legend", role: "group", "aria-label": "Legend" })
    this.stage = add(this.box, "div", { class: "stage" })
    this.under = add(this.stage, "svg", { "aria-hidden": "true" })
    this.density = add(this.under, "image", { preserveAspectRatio: "none" })
    this.lines = add(this.under, "path", { fill: "none" })
    this.stage.append(this.gl.canvas)
    this.over = add(this.stage, "svg", { class: "over", tabindex: "0", role: "application" })
    this.notes = add(this.over, "g", { "aria-hidden": "true" })
    this.card = add(this.stage, "div", { class: "card", hidden: "" })
    this.status = add(this.box, "div", { class: "unseen", role: "status", "aria-live": "polite" })
    const tools = add(this.stage, "div", { class: "tools", role: "toolbar", "aria-label": "Map" })
    this.buttons = {}
    for (const [key, icon, title, act] of [
      ["pan", "pan_tool", "Move the map", () => this.choose("pan")],
      ["lasso", "lasso_select", "Select by a lasso (Shift adds, Alt takes away)", () => this.choose("lasso")],
      ["box", "select", "Select by a box (Shift adds, Alt takes away)", () => this.choose("box")],
      [],
      ["in", "add", "Zoom in (+)", () => this.zoom(1.5)],
      ["out", "remove", "Zoom out (−)", () => this.zoom(1 / 1.5)],
      ["fit", "fit_screen", "Show everything (0)", () => this.fit()],
      [],
      ["labels", "label", "Names on the map", () => this.relabel()],
      ["full", "fullscreen", "Full screen", () => this.fullscreen()],
      ["png", "image", "Download as PNG", () => png(this)],
      ["svg", "polyline", "Download as SVG", () => save(picture(this, true), "svg")],
    ]) {
      if (!key) { add(tools, "i"); continue }
      this.buttons[key] = add(tools, "button", { type: "button", title, "aria-label": title }, icon)
      this.buttons[key].addEventListener("click", act)
    }
    this.choose("pan")
    set(this.buttons.labels, { "aria-pressed": "true" })
  }

  choose(tool) {
    this.tool = tool
    for (const key of ["pan", "lasso", "box"]) set(this.buttons[key], { "aria-pressed": key === tool })
    this.over.style.cursor = tool === "pan" ? "grab" : "crosshair"
  }

  relabel() {
    this.labelled = !this.labelled
    set(this.buttons.labels, { "aria-pressed": this.labelled })
    this.draw()
  }

  fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen()
    else this.box.requestFullscreen?.()
  }

  // ------------------------------------------------------------------------------------------------------- colours
  restyle() {
    const style = getComputedStyle(this.box), read = (name) => style.getPropertyValue(name).trim()
    this.font = style.fontFamily
    this.ink = { text: read("--st-text-color") || "#222", ground: read("--st-background-color") || "#fff", mark: "#d55e00" }
    const dark = luminance(rgb(this.ink.ground)) < 0.5
    this.categories = read("--st-chart-categorical-colors").split(",")
    this.ramp = read("--st-chart-sequential-colors").split(",").map(rgb)
    if (dark !== luminance(this.ramp[0]) < luminance(this.ramp.at(-1))) this.ramp.reverse()
    this.other = dark ? "#6f7a84" : "#9aa5ae"
    this.shade()
    this.paint()
  }

  colourOf(group) { // as CSS
    const { colours } = this.colour.head
    return group < colours.length ? this.categories[colours[group]] ?? this.other : this.other
  }

  between(share) { // a colour of the scale
    const at = share * (this.ramp.length - 1), i = Math.min(Math.floor(at), this.ramp.length - 2)
    return this.ramp[i].map((value, k) => Math.round(value + (at - i) * (this.ramp[i + 1][k] - value)))
  }

  hides(group) { return this.hidden.has(group < (this.colour.head.colours?.length ?? 256) ? group : OTHER) }

  paint() { // the palette: 256 texels, whose alpha hides a group
    if (!this.colour) return
    const { head } = this.colour, coloured = head.kind === "scale" ? OTHER : head.colours.length
    this.points.paint((texel) => {
      const faint = texel >= coloured, alpha = this.hides(texel) ? 0 : faint ? 140 : 255
      if (faint) return [...rgb(this.other), alpha]
      return [...(head.kind === "scale" ? this.between(texel / (OTHER - 1)) : rgb(this.colourOf(texel))), alpha]
    })
    this.writeLegend()
    this.join()
    this.draw()
  }

  // -------------------------------------------------------------------------------------------------------- legend
  entries() { // groups that have a colour, and the rest
    const { head } = this.colour
    const rows = (head.colours ?? []).map((_, group) => ({
      group, name: head.names[group], count: head.counts[group], colour: this.colourOf(group),
    }))
    if (head.rest) rows.push({ group: OTHER, name: head.rest, count: head.rest_count, colour: this.other })
    return rows
  }

  writeLegend() {
    const { legend, colour: { head } } = this, focused = [...legend.children].indexOf(this.box.getRootNode().activeElement)
    legend.replaceChildren()
    add(legend, "b", {}, head.title)
    if (head.kind === "scale") {
      const stops = [0, 0.25, 0.5, 0.75, 1].map((share) => `rgb(${this.between(share)})`)
      add(legend, "span", {}, head.ends[0])
      add(legend, "span", { class: "ramp", style: `background: linear-gradient(90deg, ${stops})` })
      add(legend, "span", {}, head.ends[1])
    }
    for (const { group, name, count, colour } of this.entries()) {
      const title = `${name}: click hides or shows it, a double click shows it alone; what is hidden is not selected`
      const button = add(legend, "button", { type: "button", "aria-pressed": !this.hidden.has(group), title })
      add(add(button, "svg", { width: 11, height: 11 }), "circle", { cx: 5.5, cy: 5.5, r: 5, fill: colour })
      add(button, "span", {}, name)
      add(button, "em", {}, count.toLocaleString("en"))
      button.addEventListener("click", (event) => this.toggle(group, event.detail > 1 || event.altKey))
    }
    legend.children[focused]?.focus()
  }

  toggle(group, alone) {
    if (alone) {
      const already = this.alone === group
      this.hidden = new Set(already ? [] : this.entries().map((entry) => entry.group).filter((other) => other !== group))
      this.alone = already ? null : group
    } else if (!this.hidden.delete(group)) this.hidden.add(group)
    this.paint()
  }

  // --------------------------------------------------------------------------------------------------------- parts
  take(part) {
    const message = bus.parts.get(this.name)?.get(part)
    if (!message) return
    const { head, body } = message
    const as = (Kind) => new Kind(body.buffer, body.byteOffset, body.byteLength >> 2)
    const takers = {
      points: () => this.takePoints(head, as(Float32Array)),
      colour: () => this.takeColour(head, head.kind === "scale" ? as(Float32Array) : body),
      names: () => this.takeNames(body),
      label: () => { this.label = { head, of: body } },
      size: () => this.points.fill("weights", body),
      picked: () => { this.points.pick(head.count, body); this.status.textContent = head.text },
      focus: () => { this.focus = { head, ends: as(Uint32Array) }; this.join() },
    }
    takers[part]?.()
    this.draw()
  }

  takePoints(head, places) {
    const fresh = this.head?.key !== head.key
    this.head = head
    this.points.place(places, head.low, head.high)
    this.shade()
    this.join()
    if (fresh) this.fit()
    const keys = "Arrow keys move it, plus and minus zoom, 0 shows everything, Escape clears the selection, Tab leads on"
    set(this.over, { "aria-label": `${head.alt} ${keys}; the table below lists the same.` })
  }

  takeColour(head, values) {
    if (this.colour?.head.title !== head.title) this.hidden.clear()
    this.colour = { head, values }
    if (head.kind === "scale") this.points.scale(values, head.low, head.high)
    else this.points.fill("texels", values)
    this.paint()
  }

  async takeNames(body) {
    const stream = new Blob([body]).stream().pipeThrough(new DecompressionStream("deflate"))
    this.names = (await new Response(stream).text()).split("\n")
    this.draw()
  }

  // ----------------------------------------------------------------------------------------------------------- SVG
  draw(moving = false) { // once a frame, however often it is asked for
    clearTimeout(this.later)
    if (moving) this.later = setTimeout(() => this.draw(), 180)
    this.moving = moving
    this.frame ??= requestAnimationFrame(() => this.drawNow())
  }

  drawNow() {
    cancelAnimationFrame(this.frame)
    this.frame = null
    if (!this.points.ready || !this.ratio) return
    this.points.draw(this.view, this.ratio, this.closer, this.moving)
    this.drawUnder()
    this.drawOver()
    this.frames++
  }

  shade() { // the density: how many points lie in each cell of the grid, on a logarithmic scale
    if (!this.points.grid) return
    const { side, starts } = this.points.grid, counts = starts.slice(1).map((end, k) => end - starts[k])
    const most = counts.reduce((a, b) => Math.max(a, b)), ink = rgb(this.other), pixels = new ImageData(side, side)
    counts.forEach((count, k) => {
      const pixel = (side - 1 - Math.floor(k / side)) * side + (k % side)
      if (count > 1 && most > 3) pixels.data.set([...ink, (115 * Math.log1p(count)) / Math.log1p(most)], 4 * pixel)
    })
    const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side })
    canvas.getContext("2d").putImageData(pixels, 0, 0)
    set(this.density, { href: canvas.toDataURL() })
  }

  join() { // lines between points that are shown, in coordinates of the map
    const { points, focus: { ends, head } } = this, path = []
    if (!points.ready) return
    for (let i = 0; i < ends.length; i += 2)
      if (points.shown(ends[i]) && points.shown(ends[i + 1])) path.push(`M${points.at(ends[i])}L${points.at(ends[i + 1])}`)
    this.joined = path.length
    set(this.lines, {
      d: path.join(""), stroke: head.node < 0 ? this.ink.text : this.ink.mark, "stroke-opacity": path.length > MOST_LINES ? 0.15 : 0.35,
    })
  }

  drawUnder() {
    const { low, high } = this.head, { zoom } = this.view
    const [x, bottom] = this.toScreen(...low), [right, y] = this.toScreen(...high), [left, top] = this.toScreen(0, 0)
    const show = (yes) => (yes ? "visible" : "hidden")
    set(this.density, { x, y, width: right - x, height: bottom - y, visibility: show(!this.hidden.size) })
    set(this.lines, {
      transform: `matrix(${zoom} 0 0 ${-zoom} ${left} ${top})`, "stroke-width": 1 / zoom,
      visibility: show(!this.moving || this.joined <= MOST_LINES),
    })
  }

  drawOver() {
    const { ink, notes, outline } = this
    notes.replaceChildren()
    for (const { text, x, y, size, bold } of this.labels()) this.write(notes, text, x, y, size, bold)
    for (const [from, to] of this.focus.head.arrows) this.arrow(this.toScreen(...from), this.toScreen(...to))
    if (this.focus.head.node >= 0) this.ring(this.focus.head.node, 9, ink.mark, 3)
    if (this.hovered >= 0) this.ring(this.hovered, 7, ink.text, 2)
    if (outline?.length > 1)
      add(notes, "path", {
        d: `M${outline.join("L")}Z`, fill: ink.mark, "fill-opacity": 0.13, stroke: ink.mark, "stroke-width": 1.5, "stroke-dasharray": "5 4",
      })
  }

  write(parent, text, x, y, size, bold = false) {
    add(parent, "text", {
      x, y, "font-size": size, "font-weight": bold ? 600 : 400, "font-family": this.font, fill: this.ink.text,
      stroke: this.ink.ground, "stroke-width": 3.5, "stroke-linejoin": "round", "paint-order": "stroke",
    }, text)
  }

  ring(point, r, stroke, width) {
    const [x, y] = this.placeOf(point), arc = `a${r} ${r} 0 1 0 `
    add(this.notes, "path", { d: `M${x - r} ${y}${arc}${2 * r} 0${arc}${-2 * r} 0`, fill: "none", stroke, "stroke-width": width })
  }

  arrow([x0, y0], [x, y]) {
    const angle = Math.atan2(y - y0, x - x0), barb = (turn) => `M${x} ${y}l${9 * Math.cos(angle + turn)} ${9 * Math.sin(angle + turn)}`
    const d = `M${x0} ${y0}L${x} ${y}${barb(2.6)}${barb(-2.6)}`
    add(this.notes, "path", { d, fill: "none", stroke: this.ink.mark, "stroke-width": 2 })
  }

  labels() { // axes in the corner, names of groups, then of hubs, each only where it covers none before it
    const { clientWidth, clientHeight } = this.stage, { head } = this.colour, { node, hubs } = this.focus.head, kept = []
    const place = (text, x, y, size, bold = false, centred = false) => {
      PEN.font = `${bold ? 600 : 400} ${size}px ${this.font}`
      const { width } = PEN.measureText(text), left = centred ? x - width / 2 : x
      const box = { left: left - 3, top: y - size, right: left + width + 3, bottom: y + 4 }
      if (box.left < 0 || box.top < 0 || box.right > clientWidth || box.bottom > clientHeight) return
      if (kept.some(({ box: b }) => box.left < b.right && b.left < box.right && box.top < b.bottom && b.top < box.bottom)) return
      kept.push({ text, x: left, y, size, bold, box })
    }
    const name = (point, shift, size, bold) => {
      const [x, y] = this.placeOf(point)
      place(this.nameOf(point), x + shift, y + 4, size, bold)
    }
    place(`→ ${this.head.axes[0]}`, 10, clientHeight - 10, 12)
    place(`↑ ${this.head.axes[1]}`, 10, clientHeight - 27, 12)
    if (!this.labelled) return kept
    if (node >= 0) name(node, 13, 13, true)
    for (const [group, at] of (head.places ?? []).entries())
      if (at && !this.hides(group)) place(head.names[group].slice(0, 40), ...this.toScreen(...at), 14, true, true)
    const room = 12 * this.closer ** 2 // more as one looks closer
    for (const hub of hubs.slice(0, room)) if (this.points.shown(hub)) name(hub, 7, 11, false)
    return kept
  }

  // -------------------------------------------------------------------------------------------- points by number
  placeOf(point) { return this.toScreen(...this.points.at(point)) }

  nameOf(point) { return (this.names[point] ?? `${this.head.noun} ${point + 1}`).slice(0, 60) }

  nearest(px, py) { // the point pointed at, or -1
    return this.points.nearest(...this.toMap(px, py), NEAR / this.view.zoom)
  }

  hover(point, [x, y] = [0, 0]) {
    const { card, stage } = this
    card.hidden = point < 0
    if (point >= 0) {
      const { head, values } = this.colour, lines = [this.nameOf(point)]
      if (this.label) lines.push(this.label.head.names[this.label.of[point]] ?? "no label")
      if (head.kind === "scale") lines.push(`${head.title}: ${valueText(values[point], head)}`)
      else if (head.column !== "label") lines.push(`${head.title}: ${head.names[values[point]] ?? head.none}`)
      card.textContent = lines.join("\n")
      card.style.left = `${Math.min(x + 14, stage.clientWidth - card.offsetWidth - 4)}px`
      card.style.top = `${Math.min(y + 14, stage.clientHeight - card.offsetHeight - 4)}px`
    }
    if (point === this.hovered) return
    this.hovered = point
    if (this.frames) this.drawOver()
  }

  // ------------------------------------------------------------------------------------------------------ movement
  toScreen(x, y) {
    const { clientWidth, clientHeight } = this.stage, { view } = this
    return [clientWidth / 2 + (x - view.x) * view.zoom, clientHeight / 2 - (y - view.y) * view.zoom]
  }

  toMap(px, py) {
    const { clientWidth, clientHeight } = this.stage, { view } = this
    return [view.x + (px - clientWidth / 2) / view.zoom, view.y - (py - clientHeight / 2) / view.zoom]
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.stage
    if (!width) return
    this.ratio = Math.min(devicePixelRatio || 1, 2)
    Object.assign(this.gl.canvas, { width: width * this.ratio, height: height * this.ratio })
    if (this.view.zoom === this.whole || !this.whole) this.fit()
    this.drawNow()
  }

  get closer() { return this.view.zoom / this.whole } // than the whole map

  fit() {
    const { clientWidth: width, clientHeight: height } = this.stage
    if (!this.head || !width) return
    const { low, high } = this.head, [w, h] = [0, 1].map((k) => Math.max(high[k] - low[k], 1e-9))
    this.whole = Math.min((width - 40) / w, (height - 80) / h)
    this.view = { x: (low[0] + high[0]) / 2, y: (low[1] + high[1]) / 2 + 12 / this.whole, zoom: this.whole } // below the tools
    this.draw()
  }

  zoom(factor, px = this.stage.clientWidth / 2, py = this.stage.clientHeight / 2) {
    const [x, y] = this.toMap(px, py)
    this.view.zoom = Math.min(Math.max(this.view.zoom * factor, this.whole / 4), this.whole * 1000)
    const [nx, ny] = this.toMap(px, py)
    this.view.x += x - nx
    this.view.y += y - ny
    this.draw(true)
  }

  move(dx, dy) {
    this.view.x -= dx / this.view.zoom
    this.view.y += dy / this.view.zoom
    this.draw(true)
  }

  // ------------------------------------------------------------------------------------- mouse, fingers, keyboard
  listen() {
    const { over } = this, fingers = new Map()
    const at = (event) => { const box = over.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top] }
    const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1])
    let drag = null
    over.addEventListener("pointerdown", (event) => {
      over.setPointerCapture(event.pointerId)
      fingers.set(event.pointerId, at(event))
      const mode = event.shiftKey ? "add" : event.altKey ? "subtract" : "replace"
      drag = { from: at(event), mode, selecting: this.tool !== "pan" || mode !== "replace", moved: false }
      this.hover(-1)
    })
    over.addEventListener("pointermove", (event) => {
      const now = at(event), before = fingers.get(event.pointerId)
      if (!before || !drag) return this.hover(this.nearest(...now), now)
      fingers.set(event.pointerId, now)
      if (fingers.size === 2) { // zoom by how far they are apart
        const other = [...fingers.values()].find((place) => place !== now)
        this.zoom(apart(now, other) / Math.max(apart(before, other), 1), ...other)
        Object.assign(drag, { moved: true, selecting: false })
        return
      }
      drag.moved ||= apart(now, drag.from) > 4
      if (!drag.moved) return
      if (!drag.selecting) return this.move(now[0] - before[0], now[1] - before[1])
      const [x, y] = drag.from
      if (this.tool === "box") this.outline = [[x, y], [now[0], y], now, [x, now[1]]]
      else (this.outline ??= [drag.from]).push(now)
      this.drawOver()
    })
    const end = (event) => {
      fingers.delete(event.pointerId)
      if (!drag || fingers.size) return
      const { moved, mode, selecting } = drag, { outline } = this
      drag = this.outline = null
      if (!moved && event.type === "pointerup") {
        const point = this.nearest(...at(event))
        if (point >= 0) this.tell({ kind: "click", point, mode })
      } else if (selecting && outline?.length > 2) {
        const step = Math.ceil(outline.length / MOST_CORNERS), corners = outline.filter((_, i) => i % step === 0)
        const hidden = [...Array(256).keys()].filter((group) => this.hides(group))
        this.tell({ kind: "outline", mode, outline: corners.map(([x, y]) => this.toMap(x, y)), hidden })
      }
      this.draw()
    }
    over.addEventListener("pointerup", end)
    over.addEventListener("pointercancel", end)
    over.addEventListener("pointerleave", () => this.hover(-1))
    over.addEventListener("wheel", (event) => {
      event.preventDefault()
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), ...at(event))
    }, { passive: false })
    const clear = () => {
      drag = this.outline = null
      this.draw()
      if (this.points.picked.length || this.focus.head.node >= 0) this.tell({ kind: "clear" })
    }
    const keys = {
      ArrowLeft: () => this.move(60, 0), ArrowRight: () => this.move(-60, 0),
      ArrowUp: () => this.move(0, 60), ArrowDown: () => this.move(0, -60),
      "+": () => this.zoom(1.3), "=": () => this.zoom(1.3), "-": () => this.zoom(1 / 1.3),
      0: () => this.fit(), Escape: clear,
    }
    over.addEventListener("keydown", (event) => {
      if (!keys[event.key] || event.ctrlKey || event.metaKey) return
      event.preventDefault()
      keys[event.key]()
    })
  }
}

// ------------------------------------------------------------------------------------------------------------ tools
function set(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
}

function add(parent, tag, attributes = {}, text = "") {
  const drawn = tag === "svg" || parent.namespaceURI === SVG
  const element = drawn ? document.createElementNS(SVG, tag) : document.createElement(tag)
  set(element, attributes)
  if (text) element.textContent = text
  parent.append(element)
  return element
}

function rgb(colour) { // of #rrggbb or rgb(r, g, b)
  const hex = /^#([0-9a-f]{6})/i.exec(colour.trim())
  if (hex) return [0, 2, 4].map((i) => parseInt(hex[1].slice(i, i + 2), 16))
  return (colour.match(/[\d.]+/g) ?? [128, 128, 128]).slice(0, 3).map(Number)
}

function luminance([r, g, b]) { return (0.299 * r + 0.587 * g + 0.114 * b) / 255 }

function valueText(value, head) {
  if (Number.isNaN(value)) return "no value"
  const plain = head.logarithmic ? 10 ** value - 1 : value, whole = Math.round(plain)
  return Math.abs(plain - whole) < 1e-4 ? whole.toLocaleString("en") : String(+plain.toPrecision(4))
}
