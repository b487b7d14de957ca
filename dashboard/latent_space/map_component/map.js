// A map of points (elements: map.html). WebGL draws the points; what lies under them (density, lines) and over them
// (names, rings, arrows, the lasso) is SVG, on the screen as in the pictures that are saved.
//
// Python sends a map in parts (points, colour, names, selection …), each to a component of its own: Streamlit sends a
// component again only when its content has changed. What goes back to Python is an event: a click, Escape, or the
// outline of a lasso or box in the map's own coordinates.

const REST = 255 // colour of the points without a value, and of groups beyond the coloured ones
const NEAR = 9 // pixels within which a point is pointed at; shorter arrows are not drawn
const MANY = 60_000 // points above which a fair part, about as many, is drawn while the map moves
const MOST_LINES = 2_000 // drawn while the map moves
const MOST_CORNERS = 400 // of an outline
const MOST_CIRCLES = 50_000 // of a saved SVG; more points are an image in it
const NUMBER = new Intl.NumberFormat("en", { maximumSignificantDigits: 6 })
const PEN = document.createElement("canvas").getContext("2d", { willReadFrequently: true }) // for what is not seen
const { parts, maps } = (globalThis[Symbol.for("vgae-studio-maps")] ??= { parts: new Map(), maps: new Map() })

// Called with the name of a map, what it is linked by and what it shows, or with a part of one; again when the part or
// the theme has changed.
export default function ({ parentElement: root, data, setStateValue, setTriggerValue }) {
  if (ArrayBuffer.isView(data)) return keepPart(new Uint8Array(data)) // a copy, in which numbers are aligned
  const gl = root.vgaeMap?.gl ?? document.createElement("canvas").getContext("webgl2", { antialias: false })
  if (!gl) {
    if (root.querySelector(".stage")) setStateValue("without_webgl", true)
    root.querySelector(".map").textContent = "This browser draws no WebGL; a simpler map follows."
    return
  }
  const map = (root.vgaeMap ??= new PointMap(root, data, gl))
  map.tell = (event) => setTriggerValue("event", { ...event, projection: map.head?.key ?? "" })
  map.restyle()
  return () => { map.close(); delete root.vgaeMap }
}

function keepPart(bytes) { // the length of its head, its head as JSON, and its body: numbers or text
  const length = new DataView(bytes.buffer).getUint32(0, true)
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)))
  const part = { head, body: bytes.subarray(4 + length) }
  const kept = parts.get(head.map) ?? new Map()
  parts.set(head.map, kept.set(head.part, part))
  maps.get(head.map)?.take(part)
  return () => { if (kept.get(head.part) === part) kept.delete(head.part) }
}

class PointMap {
  constructor(root, { map: name, link, shows }, gl) {
    Object.assign(this, { name, link, gl, points: new Points(gl), frames: 0 })
    this.view = { x: 0, y: 0, zoom: 1 } // centre in map coordinates, and pixels per unit: axes are equal
    this.hidden = new Set() // colours toggled off
    this.named = true // whether names are written on the map
    this.focus = { node: -1, hubs: [], arrows: [], ends: [] }
    for (const of of "map legend stage under ground density lines over notes card status".split(" "))
      this[of] = root.querySelector(`.${of}`)
    if (shows) this.map.classList.add(`${shows}-only`)
    this.under.after(gl.canvas)
    this.listen()
    this.restyle()
    maps.set(name, this)
    for (const part of parts.get(name)?.values() ?? []) this.take(part)
    this.watcher = new ResizeObserver(() => this.resize())
    this.watcher.observe(this.stage)
  }

  close() {
    if (maps.get(this.name) === this) maps.delete(this.name)
    this.watcher.disconnect()
    cancelAnimationFrame(this.frame)
    this.gl.getExtension("WEBGL_lose_context")?.loseContext() // browsers allow few contexts
    this.gl.canvas.remove()
  }

  // ------------------------------------------------------------------------------------------ colours and legend
  restyle() {
    const style = getComputedStyle(this.map), read = (name) => style.getPropertyValue(name).trim()
    this.ink = { text: read("--st-text-color"), ground: read("--st-background-color"), mark: "#d55e00" }
    this.categories = read("--st-chart-categorical-colors").split(",")
    this.ramp = read("--st-chart-sequential-colors").split(",")
    this.font = style.fontFamily
    set(this.notes, { "font-family": this.font, fill: this.ink.text, stroke: this.ink.ground }) // on a seam
    this.paint()
  }

  paint() { // the palette, a row of 256 pixels: the colour of each byte, clear where it is hidden
    if (!this.colour) return
    const { head } = this.colour, scale = PEN.createLinearGradient(0, 0, REST, 0)
    const dab = (byte, colour, width = 1) => { PEN.fillStyle = colour; PEN.fillRect(byte, 0, width, 1) }
    this.ramp.forEach((colour, i) => scale.addColorStop(i / (this.ramp.length - 1), colour))
    dab(0, scale, REST)
    head.colours.forEach((colour, byte) => dab(byte, this.categories[colour] ?? head.grey))
    dab(REST, head.grey)
    const palette = PEN.getImageData(0, 0, 256, 1).data
    for (const byte of this.hidden) palette[4 * byte + 3] = 0
    this.points.paint(palette)
    this.writeLegend()
    this.join()
    this.draw()
  }

  writeLegend() {
    const { legend, colour: { head } } = this
    const focused = [...legend.children].indexOf(legend.getRootNode().activeElement)
    legend.replaceChildren()
    add(legend, "b", {}, head.title)
    if (head.kind === "scale") {
      add(legend, "span", {}, head.stops[0][1])
      add(legend, "span", { class: "ramp" })
      add(legend, "span", {}, head.stops.at(-1)[1])
    }
    for (const [byte, name, count] of head.entries) {
      const title = `${name}: click hides or shows it, a double click shows it alone; what is hidden is not selected`
      const button = add(legend, "button", { type: "button", "aria-pressed": !this.hidden.has(byte), title })
      add(button, "i", { style: `background: ${this.points.css(byte)}` })
      add(button, "span", {}, name)
      add(button, "em", {}, count.toLocaleString("en"))
      button.onclick = (event) => this.toggle(byte, event.detail > 1 || event.altKey)
    }
    legend.children[focused]?.focus()
  }

  toggle(byte, alone) {
    const others = this.colour.head.entries.map(([other]) => other).filter((other) => other !== byte)
    if (alone) this.hidden = new Set(others.every((other) => this.hidden.has(other)) ? [] : others)
    else if (!this.hidden.delete(byte)) this.hidden.add(byte)
    for (const map of this.linked()) {
      map.hidden = new Set(this.hidden)
      map.paint()
    }
  }

  linked() { // this map and those that show the same part of the plane, in the same colours
    return this.link ? [...maps.values()].filter(({ link }) => link === this.link) : [this]
  }

  // --------------------------------------------------------------------------------------------------------- parts
  take({ head, body }) {
    const numbers = (Kind, n = body.byteLength >> 2) => new Kind(body.buffer, body.byteOffset, n)
    const takers = {
      points: () => {
        const fresh = this.head?.key !== head.key, [x, y] = head.low, [width, height] = head.span
        this.head = head
        this.points.place(numbers(Float32Array), head)
        set(this.density, { href: head.density, x, y, width, height })
        set(this.over, { "aria-label": head.alt })
        this.join()
        if (fresh) this.fit()
      },
      colour: () => { // the value of each point, a number or a group, and then the byte of its colour
        if (this.colour?.head.title !== head.title) this.hidden.clear()
        this.colour = { head, values: numbers(head.kind === "scale" ? Float32Array : Uint8Array, head.n) }
        this.points.fill("colours", body.subarray(-head.n))
        this.paint()
      },
      names: async () => {
        const stream = new Blob([body]).stream().pipeThrough(new DecompressionStream("deflate"))
        this.names = (await new Response(stream).text()).split("\n")
        this.draw()
      },
      label: () => { this.label = { names: head.names, of: body } },
      size: () => this.points.fill("sizes", body),
      picked: () => { this.points.fill("picked", numbers(Uint32Array)); this.status.textContent = head.text },
      focus: () => { this.focus = { ...head, ends: numbers(Uint32Array) }; this.join() },
    }
    takers[head.part]()
    this.draw()
  }

  // ------------------------------------------------------------------------------------------------------- drawing
  draw(moving = false) { // once a frame, however often it is asked for; what takes long, when the map rests
    clearTimeout(this.later)
    if (moving) this.later = setTimeout(() => this.draw(), 180)
    this.moving = moving
    this.frame ??= requestAnimationFrame(() => this.drawNow())
  }

  drawNow() {
    cancelAnimationFrame(this.frame)
    this.frame = null
    if (!this.points.ready || !this.ratio) return
    const { view: { zoom }, moving, joined } = this, [left, top] = this.toScreen(0, 0)
    set(this.ground, { transform: `matrix(${zoom} 0 0 ${-zoom} ${left} ${top})`, "stroke-width": 1 / zoom })
    set(this.density, { visibility: this.hidden.size ? "hidden" : "visible" })
    set(this.lines, { visibility: moving && joined > MOST_LINES ? "hidden" : "visible" })
    this.points.draw(this.view, this.ratio, this.closer, moving)
    this.drawOver()
    this.frames++
  }

  join() { // lines between points that are shown
    const { points, focus: { ends, node }, ink } = this, path = []
    if (!points.ready) return
    for (let i = 0; i < ends.length; i += 2)
      if (points.shown(ends[i]) && points.shown(ends[i + 1]))
        path.push(`M${points.at(ends[i])}L${points.at(ends[i + 1])}`)
    this.joined = path.length
    const opacity = path.length > MOST_LINES ? 0.15 : node < 0 ? 0.35 : 0.6
    set(this.lines, { d: path.join(""), stroke: node < 0 ? ink.text : ink.mark, "stroke-opacity": opacity })
  }

  drawOver() {
    const { ink, notes, outline, hovered, focus: { node, arrows } } = this
    const stroke = (d, colour, width, more = {}) =>
      add(notes, "path", { d, fill: "none", stroke: colour, "stroke-width": width, ...more })
    const ring = (point, r, colour, width) => {
      const [x, y] = this.placeOf(point), arc = `a${r} ${r} 0 1 0 `
      stroke(`M${x - r} ${y}${arc}${2 * r} 0${arc}${-2 * r} 0`, colour, width)
    }
    notes.replaceChildren()
    this.writeLabels()
    for (const [start, end] of arrows.map((ends) => ends.map((place) => this.toScreen(...place))))
      if (apart(start, end) > NEAR) stroke(`M${start}L${end}`, ink.mark, 2, { "marker-end": "url(#tip)" })
    if (node >= 0) ring(node, 9, ink.mark, 3)
    if (hovered >= 0) ring(hovered, 7, ink.text, 2)
    const inside = { fill: ink.mark, "fill-opacity": 0.13, "stroke-dasharray": "5 4" }
    if (outline?.length > 1) stroke(`M${outline.join("L")}Z`, ink.mark, 1.5, inside)
  }

  writeLabels() { // axes in the corner, names of groups, then of hubs, each only where it covers none before it
    const { width, height, focus: { node, hubs } } = this, boxes = []
    const place = (text, x, y, size, bold = false, centred = false) => {
      const wide = this.widthOf(text, size, bold), left = centred ? x - wide / 2 : x
      const box = { left: left - 3, top: y - size, right: left + wide + 3, bottom: y + 4 }
      const covers = (b) => box.left < b.right && b.left < box.right && box.top < b.bottom && b.top < box.bottom
      if (box.left < 0 || box.top < 0 || box.right > width || box.bottom > height || boxes.some(covers)) return
      boxes.push(box)
      write(this.notes, text, left, y, size, bold)
    }
    const name = (point, shift, size, bold) => {
      const [x, y] = this.placeOf(point)
      place(this.nameOf(point), x + shift, y + 4, size, bold)
    }
    place(`→ ${this.head.axes[0]}`, 10, height - 10, 12)
    place(`↑ ${this.head.axes[1]}`, 10, height - 27, 12)
    if (!this.named) return
    if (node >= 0) name(node, 13, 13, true)
    for (const [byte, text, at] of this.colour.head.labels)
      if (!this.hidden.has(byte)) place(text, ...this.toScreen(...at), 14, true, true)
    const room = 12 * this.closer ** 2 // more as one looks closer
    for (const hub of hubs.slice(0, room)) if (this.points.shown(hub)) name(hub, 7, 11, false)
  }
  nameOf(point) { return (this.names?.[point] ?? `${this.head.noun} ${point + 1}`).slice(0, 60) }

  widthOf(text, size, bold) {
    PEN.font = `${bold ? 600 : 400} ${size}px ${this.font}`
    return PEN.measureText(text).width
  }

  hover(point, [x, y] = [0, 0]) { // the card of the point under the mouse; -1 for none
    const { card } = this
    card.hidden = point < 0
    if (point >= 0) {
      const { head, values } = this.colour, lines = [this.nameOf(point)]
      if (this.label?.names.length) lines.push(this.label.names[this.label.of[point]] ?? "no label")
      const value = head.names ? head.names[values[point]] : NUMBER.format(values[point]).replace("NaN", head.none)
      if (head.column !== "label") lines.push(`${head.title}: ${value ?? head.none}`)
      card.textContent = lines.join("\n")
      card.style.left = `${Math.min(x + 14, this.width - card.offsetWidth - 4)}px`
      card.style.top = `${Math.min(y + 14, this.height - card.offsetHeight - 4)}px`
    }
    if (point === this.hovered) return
    this.hovered = point
    if (this.frames) this.drawOver()
  }

  // ------------------------------------------------------------------------------------------------------ movement
  toScreen(x, y) {
    const { view, width, height } = this
    return [width / 2 + (x - view.x) * view.zoom, height / 2 - (y - view.y) * view.zoom]
  }

  toMap(px, py) {
    const { view, width, height } = this
    return [view.x + (px - width / 2) / view.zoom, view.y - (py - height / 2) / view.zoom]
  }
  placeOf(point) { return this.toScreen(...this.points.at(point)) }
  get closer() { return this.view.zoom / this.whole } // than the whole map

  resize() {
    const { clientWidth: width, clientHeight: height } = this.stage, ratio = Math.min(devicePixelRatio || 1, 2)
    if (!width) return
    Object.assign(this, { width, height, ratio })
    Object.assign(this.gl.canvas, { width: width * ratio, height: height * ratio })
    if (this.view.zoom === this.whole || !this.whole) this.fit()
    this.drawNow()
  }

  fit() {
    if (!this.head || !this.width) return
    const { first: [[x, y], [w, h]] } = this.head
    const zoom = (this.whole = Math.min((this.width - 40) / w, (this.height - 80) / h))
    this.view = { x: x + w / 2, y: y + h / 2 + 12 / zoom, zoom } // below the tools
    this.draw()
  }

  zoom(factor, px = this.width / 2, py = this.height / 2) { // what is at a place stays there
    const at = this.toMap(px, py)
    this.view.zoom = Math.min(Math.max(this.view.zoom * factor, this.whole / 4), this.whole * 1000)
    const [x, y] = this.toScreen(...at)
    this.move(px - x, py - y)
  }

  move(dx, dy) {
    this.view.x -= dx / this.view.zoom
    this.view.y += dy / this.view.zoom
    for (const map of this.linked()) {
      map.view = { ...this.view }
      map.draw(true)
    }
  }

  showAll() {
    this.fit()
    this.move(0, 0)
  }

  // ------------------------------------------------------------------------------ buttons, mouse, fingers, keyboard
  listen() {
    const { over } = this, fingers = new Map()
    const at = (event) => [event.offsetX, event.offsetY]
    const pointed = (place) => this.points.nearest(...this.toMap(...place), NEAR / this.view.zoom)
    let drag = null
    over.onpointerdown = (event) => {
      over.setPointerCapture(event.pointerId)
      fingers.set(event.pointerId, at(event))
      const mode = event.shiftKey ? "add" : event.altKey ? "subtract" : "replace"
      drag = { from: at(event), mode, selecting: this.tool !== "pan" || mode !== "replace", moved: false }
      this.hover(-1)
    }
    over.onpointermove = (event) => {
      const now = at(event), before = fingers.get(event.pointerId)
      if (!before || !drag) return this.hover(pointed(now), now)
      fingers.set(event.pointerId, now)
      if (fingers.size === 2) { // zoom by how far they are apart
        const other = [...fingers.values()].find((place) => place !== now)
        this.zoom(apart(now, other) / Math.max(apart(before, other), 1), ...other)
        return Object.assign(drag, { moved: true, selecting: false })
      }
      if (!(drag.moved ||= apart(now, drag.from) > 4)) return
      if (!drag.selecting) return this.move(now[0] - before[0], now[1] - before[1])
      const [x, y] = drag.from
      if (this.tool === "box") this.outline = [[x, y], [now[0], y], now, [x, now[1]]]
      else (this.outline ??= [drag.from]).push(now)
      this.drawOver()
    }
    over.onpointerup = over.onpointercancel = (event) => {
      fingers.delete(event.pointerId)
      if (!drag || fingers.size) return
      const { moved, mode, selecting } = drag, { outline } = this
      drag = this.outline = null
      if (!moved && event.type === "pointerup") {
        const point = pointed(at(event))
        if (point >= 0) this.tell({ kind: "click", point, mode })
      } else if (selecting && outline?.length > 2) {
        const step = Math.ceil(outline.length / MOST_CORNERS), corners = outline.filter((_, i) => i % step === 0)
        const places = corners.map((place) => this.toMap(...place))
        this.tell({ kind: "outline", mode, outline: places, hidden: [...this.hidden] })
      }
      this.draw()
    }
    over.onpointerleave = () => this.hover(-1)
    over.onwheel = (event) => {
      event.preventDefault()
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), ...at(event))
    }
    const keys = {
      ArrowLeft: () => this.move(60, 0), ArrowRight: () => this.move(-60, 0),
      ArrowUp: () => this.move(0, 60), ArrowDown: () => this.move(0, -60),
      "+": () => this.zoom(1.3), "=": () => this.zoom(1.3), "-": () => this.zoom(1 / 1.3), 0: () => this.showAll(),
      Escape: () => {
        drag = this.outline = null
        this.draw()
        if (this.points.picked.length || this.focus.node >= 0) this.tell({ kind: "clear" })
      },
    }
    over.onkeydown = (event) => {
      if (!keys[event.key] || event.ctrlKey || event.metaKey) return
      event.preventDefault()
      keys[event.key]()
    }
    const buttons = this.stage.querySelector(".tools").children // by name
    const press = (name, yes) => set(buttons[name], { "aria-pressed": yes })
    this.choose = (tool) => {
      over.dataset.tool = this.tool = tool
      for (const name of ["pan", "lasso", "box"]) press(name, name === tool)
    }
    const acts = {
      ...Object.fromEntries(["pan", "lasso", "box"].map((tool) =>
        [tool, () => this.linked().forEach((map) => map.choose(tool))])),
      closer: () => this.zoom(1.5), farther: () => this.zoom(1 / 1.5), fit: () => this.showAll(),
      names: () => { press("names", (this.named = !this.named)); this.draw() },
      full: () => (document.fullscreenElement ? document.exitFullscreen() : this.map.requestFullscreen?.()),
      png: () => this.savePng(), svg: () => save(this.picture(true), "svg"),
    }
    for (const [name, act] of Object.entries(acts))
      Object.assign(buttons[name], { onclick: act, ariaLabel: buttons[name].title })
    press("names", this.named)
    this.choose("pan")
  }

  // ------------------------------------------------------------------------------------------------ saved pictures
  picture(vector) { // the map with its legend, as SVG; its points are circles, or an image
    const { width, height, points, under: { namespaceURI }, colour: { head } } = this
    const svg = document.createElementNS(namespaceURI, "svg")
    this.moving = false
    this.drawNow() // what WebGL has drawn is gone after a frame
    const [under, over] = [this.under, this.over].map((layer) => layer.cloneNode(true)), notes = over.lastChild
    for (const layer of [under, over]) set(layer, { width, height, overflow: layer === over ? "visible" : "hidden" })
    add(svg, "rect", { width: "100%", height: "100%", fill: this.ink.ground })
    svg.append(under)
    if (vector && points.n <= MOST_CIRCLES) this.addCircles(svg)
    else add(svg, "image", { width, height, href: this.gl.canvas.toDataURL() })
    svg.append(over)
    write(notes, head.title, width + 10, 24, 13, true)
    const rows = [...head.stops, ...head.entries.filter(([byte]) => !this.hidden.has(byte))]
    for (const [i, [byte, name]] of rows.entries()) {
      add(notes, "rect", { x: width + 10, y: 36 + 20 * i, width: 11, height: 11, fill: points.css(byte) })
      write(notes, name, width + 28, 46 + 20 * i, 13)
    }
    const aside = Math.max(...[head.title, ...rows.map(([, name]) => name)].map((text) => this.widthOf(text, 13, true)))
    set(svg, { width: Math.ceil(width + aside + 40), height: Math.max(height, 50 + 20 * rows.length) })
    return new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" })
  }

  addCircles(svg) {
    const { points } = this, chosen = new Set(points.picked), r = points.size(this.closer) / 2
    for (let i = 0; i < points.n; i++) {
      if (!points.shown(i)) continue
      const [cx, cy] = this.placeOf(i).map((pixels) => pixels.toFixed(1))
      const opacity = chosen.size && !chosen.has(i) ? 0.15 : 0.9
      add(svg, "circle", { cx, cy, r, fill: points.css(points.colours[i]), "fill-opacity": opacity })
    }
  }

  async savePng() {
    const image = new Image(), canvas = document.createElement("canvas")
    image.src = URL.createObjectURL(this.picture(false))
    await image.decode()
    Object.assign(canvas, { width: image.width * this.ratio, height: image.height * this.ratio })
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height)
    canvas.toBlob((blob) => save(blob, "png"))
    URL.revokeObjectURL(image.src)
  }
}

// ------------------------------------------------------------------------------------------------- points in WebGL
const VERTEX = `#version 300 es
layout(location = 0) in vec2 place; layout(location = 1) in float byte; layout(location = 2) in float weight;
uniform vec4 view; uniform vec2 look; uniform sampler2D palette;
out vec4 colour; out float radius;
void main() {
  vec4 c = texelFetch(palette, ivec2(int(byte + 0.5), 0), 0);
  gl_Position = c.a == 0.0 ? vec4(9) : vec4((place - view.xy) * view.zw, 0, 1);
  gl_PointSize = radius = look.x * (0.6 + 2.0 * weight);
  colour = vec4(c.rgb, 1) * look.y * (byte > 254.5 ? 0.6 : 1.0);
}`
const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 colour; in float radius; out vec4 seen;
void main() {
  vec2 d = gl_PointCoord * 2.0 - 1.0;
  float r = dot(d, d);
  if (radius > 2.5 && r > 1.0) discard;
  seen = radius > 5.0 ? colour * (1.0 - smoothstep(0.7, 1.0, r)) : colour;
}`
const LOCATIONS = { places: 0, colours: 1, sizes: 2 } // of what the vertex shader reads

class Points {
  constructor(gl) {
    this.gl = gl
    this.picked = this.some = new Uint32Array(0) // the selected ones, and those drawn while the map moves
    this.buffers = {}
    const program = gl.createProgram()
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind)
      gl.shaderSource(shader, source)
      gl.compileShader(shader)
      gl.attachShader(program, shader)
    }
    gl.linkProgram(program)
    gl.useProgram(program)
    this.uniforms = ["view", "look"].map((name) => gl.getUniformLocation(program, name))
    gl.vertexAttrib1f(LOCATIONS.sizes, 0.2) // where no part brings sizes: one that changes nothing
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture()) // the palette
    for (const key of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, key, gl.NEAREST)
    gl.enable(gl.BLEND)
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
  }

  fill(name, array) { // places (x and y of each point), colours, sizes (bytes); picked, some (numbers of points)
    const { gl, buffers } = this, at = LOCATIONS[name]
    const kind = at === undefined ? gl.ELEMENT_ARRAY_BUFFER : gl.ARRAY_BUFFER
    this[name] = array
    gl.bindBuffer(kind, (buffers[name] ??= gl.createBuffer()))
    gl.bufferData(kind, array, gl.STATIC_DRAW)
    if (at === undefined) return
    if (array.length) gl.enableVertexAttribArray(at)
    else gl.disableVertexAttribArray(at)
    gl.vertexAttribPointer(at, at ? 1 : 2, at ? gl.UNSIGNED_BYTE : gl.FLOAT, name === "sizes", 0, 0)
  }

  place(places, look) {
    this.n = places.length / 2
    this.look = look
    this.fill("places", places)
    const every = Math.ceil(this.n / MANY)
    this.fill("some", Uint32Array.from({ length: this.n / every }, (_, i) => i * every))
  }

  paint(palette) { // red, green, blue and alpha of each byte
    const { gl } = this
    this.palette = palette
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(palette))
  }

  get ready() { return this.n > 0 && this.colours?.length === this.n && (this.sizes?.length || this.n) === this.n }
  at(point) { return this.places.subarray(2 * point, 2 * point + 2) }
  css(byte) { return `rgb(${this.palette.subarray(4 * byte, 4 * byte + 3)})` }
  shown(point) { return this.palette[4 * this.colours[point] + 3] > 0 } // its group is not toggled off
  size(closer) { return Math.min(this.look.size * Math.max(1, closer) ** 0.35, 14) } // pixels

  nearest(x, y, reach) { // the shown point nearest to a place, or -1
    const { n, places } = this
    let best = -1, least = reach * reach
    for (let i = 0; this.ready && i < n; i++) {
      const across = places[2 * i] - x, up = places[2 * i + 1] - y, d = across * across + up * up
      if (d < least && this.shown(i)) { least = d; best = i }
    }
    return best
  }

  draw({ x, y, zoom }, ratio, closer, moving) {
    const { gl, picked, look, uniforms: [viewed, looks] } = this, { width, height } = gl.canvas
    const size = this.size(closer) * ratio
    const only = (name) => {
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.buffers[name])
      gl.drawElements(gl.POINTS, moving ? Math.min(this[name].length, MANY) : this[name].length, gl.UNSIGNED_INT, 0)
    }
    gl.viewport(0, 0, width, height)
    gl.clear(gl.COLOR_BUFFER_BIT)
    gl.uniform4f(viewed, x, y, (2 * zoom * ratio) / width, (2 * zoom * ratio) / height)
    gl.uniform2f(looks, size, picked.length ? look.dim : look.full)
    if (moving) only("some")
    else gl.drawArrays(gl.POINTS, 0, this.n)
    gl.uniform2f(looks, size, look.full)
    if (picked.length) only("picked")
  }
}

// ------------------------------------------------------------------------------------------------------------ tools
function set(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
}

function add(parent, tag, attributes, text = "") {
  const element = document.createElementNS(parent.namespaceURI, tag)
  set(element, attributes)
  if (text) element.textContent = text
  parent.append(element)
  return element
}

function apart(a, b) { return Math.hypot(a[0] - b[0], a[1] - b[1]) }

function write(parent, text, x, y, size, bold = false) {
  add(parent, "text", { x, y, "font-size": size, "font-weight": bold ? 600 : 400 }, text)
}

function save(blob, suffix) {
  const href = URL.createObjectURL(blob), link = document.createElement("a")
  Object.assign(link, { href, download: `map.${suffix}` }).click()
  setTimeout(() => URL.revokeObjectURL(href), 10_000)
}
