// A map of points. WebGL draws the points and lines; a 2-D canvas below them shows the density, one above them labels,
// rings and the lasso; the legend, the tools and the card are elements. Parts arrive by part.js. What goes back to Python is an event:
// a click, or the outline of a lasso or box in the map's own coordinates.

const bus = (globalThis[Symbol.for("vgae-studio-maps")] ??= new EventTarget())
const OTHER = 255 // texel of points without a value, and of groups beyond the coloured ones
const NEAR = 9 // pixels within which a point is pointed at
const MANY = 60_000 // points above which a fair part, about as many, is drawn while the map moves
const MOST_CORNERS = 400 // of an outline

export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  const map = (parentElement.vgaeMap ??= new PointMap(parentElement, data.map))
  map.tell = (event) => setTriggerValue("event", { ...event, projection: map.points?.head.key ?? "" })
  if (!map.gl && !parentElement.told) {
    parentElement.told = true
    setStateValue("without_webgl", true)
  }
  map.restyle() // called again when the theme changes
  return () => { map.close(); delete parentElement.vgaeMap }
}

// -------------------------------------------------------------------------------------------------------- shaders
const VERTEX = `#version 300 es
in vec2 place; in float texel; in float weight;
uniform vec2 centre, scale; uniform float size, alpha; uniform bool weighed; uniform sampler2D palette;
out vec4 colour; out float radius;
void main() {
  vec4 c = texelFetch(palette, ivec2(int(texel + 0.5), 0), 0);
  gl_Position = c.a == 0.0 ? vec4(9) : vec4((place - centre) * scale, 0, 1);
  radius = size * (weighed ? 0.6 + 2.0 * weight : 1.0);
  gl_PointSize = radius;
  colour = vec4(c.rgb, 1) * alpha * (c.a < 0.9 ? 0.6 : 1.0);
}`
const POINT = `#version 300 es
precision mediump float;
in vec4 colour; in float radius; out vec4 seen;
void main() {
  vec2 d = gl_PointCoord * 2.0 - 1.0;
  float r = dot(d, d);
  if (radius > 2.5 && r > 1.0) discard;
  seen = radius > 5.0 ? colour * (1.0 - smoothstep(0.7, 1.0, r)) : colour;
}`
const FLAT = `#version 300 es
precision mediump float;
in vec4 colour; in float radius; uniform vec4 ink; out vec4 seen;
void main() { seen = ink; }`
class PointMap {
  constructor(root, name) {
    this.name = name
    this.view = { x: 0, y: 0, zoom: 1 } // centre in map coordinates, and pixels per unit: axes are equal
    this.tool = "pan"
    this.hidden = new Set() // groups toggled off
    this.labelled = true
    this.names = []
    this.tell = () => {}
    this.build(root)
    this.listen()
    this.gl = this.start()
    this.without.hidden = Boolean(this.gl)
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
    this.gl?.getExtension("WEBGL_lose_context")?.loseContext() // browsers allow few contexts
    this.box.remove()
  }

  // ------------------------------------------------------------------------------------------------- elements
  build(root) {
    const add = (parent, tag, kind, attributes = {}) => {
      const element = document.createElement(tag)
      if (kind) element.className = kind
      for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
      parent.append(element)
      return element
    }
    this.add = add
    this.box = add(root, "div", "map")
    this.legend = add(this.box, "div", "legend", { role: "group", "aria-label": "Legend" })
    this.stage = add(this.box, "div", "stage")
    this.under = add(this.stage, "canvas", "", { "aria-hidden": "true" })
    this.canvas = add(this.stage, "canvas", "points", { "aria-hidden": "true" })
    this.over = add(this.stage, "canvas", "over", { tabindex: "0", role: "application" })
    this.pen = this.over.getContext("2d")
    this.without = add(this.stage, "div", "without")
    this.without.textContent = "This browser draws no WebGL; a simpler map follows."
    this.card = add(this.stage, "div", "card", { hidden: "" })
    this.status = add(this.box, "div", "unseen", { role: "status", "aria-live": "polite" })
    const tools = add(this.stage, "div", "tools", { role: "toolbar", "aria-label": "Map" })
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
      ["png", "image", "Download as PNG", () => this.png()],
      ["svg", "polyline", "Download as SVG", () => this.svg()],
    ]) {
      if (!key) { add(tools, "i"); continue }
      const button = (this.buttons[key] = add(tools, "button", "", { type: "button", title, "aria-label": title }))
      button.textContent = icon
      button.addEventListener("click", act)
    }
    this.choose("pan")
    this.buttons.labels.setAttribute("aria-pressed", "true")
  }

  choose(tool) {
    this.tool = tool
    for (const key of ["pan", "lasso", "box"]) this.buttons[key].setAttribute("aria-pressed", String(key === tool))
    this.over.style.cursor = tool === "pan" ? "grab" : "crosshair"
  }

  relabel() {
    this.labelled = !this.labelled
    this.buttons.labels.setAttribute("aria-pressed", String(this.labelled))
    this.draw()
  }

  fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen()
    else this.box.requestFullscreen?.()
  }

  // --------------------------------------------------------------------------------------------------- colours
  restyle() {
    const style = getComputedStyle(this.box)
    const read = (name) => style.getPropertyValue(name).trim()
    this.ink = { text: read("--st-text-color") || "#222", ground: read("--st-background-color") || "#fff", mark: "#d55e00" }
    this.dark = luminance(rgb(this.ink.ground)) < 0.5
    this.categories = read("--st-chart-categorical-colors").split(",")
    this.ramp = read("--st-chart-sequential-colors").split(",").map(rgb)
    if (this.dark !== (luminance(this.ramp[0]) < luminance(this.ramp.at(-1)))) this.ramp.reverse()
    this.other = this.dark ? "#6f7a84" : "#9aa5ae"
    if (this.colour) this.writeLegend()
    this.shade()
    this.paint()
  }

  colourOf(group) { // of a group, as CSS
    const { colours } = this.colour.head
    return group < colours.length ? this.categories[colours[group]] ?? this.other : this.other
  }

  hides(group) { return this.hidden.has(group < (this.colour.head.colours?.length ?? 256) ? group : OTHER) }

  paint() { // the palette: 256 texels, whose alpha hides a group
    if (!this.colour || !this.ramp) return
    const { head } = this.colour
    const texels = new Uint8Array(1024)
    for (let i = 0; i < 256; i++) {
      let colour = rgb(this.other), alpha = 140
      if (head.kind === "groups" && i !== OTHER) {
        colour = rgb(this.colourOf(i))
        alpha = i < head.colours.length ? 255 : 140
      } else if (head.kind === "scale" && i !== OTHER) {
        colour = this.between(i / 254)
        alpha = 255
      }
      if (this.hides(i)) alpha = 0
      texels.set([...colour, alpha], 4 * i)
    }
    this.gl?.bindTexture(this.gl.TEXTURE_2D, this.palette)
    this.gl?.texImage2D(this.gl.TEXTURE_2D, 0, this.gl.RGBA, 256, 1, 0, this.gl.RGBA, this.gl.UNSIGNED_BYTE, texels)
    this.texelsOf = texels
    this.draw()
  }

  between(share) {
    const at = share * (this.ramp.length - 1), i = Math.min(Math.floor(at), this.ramp.length - 2)
    return this.ramp[i].map((value, k) => Math.round(value + (at - i) * (this.ramp[i + 1][k] - value)))
  }

  // ----------------------------------------------------------------------------------------------------- parts
  take(part) {
    const held = bus.parts.get(this.name)?.get(part)
    if (!held) return
    const as = (Kind) => new Kind(held.body.buffer, held.body.byteOffset, held.body.byteLength >> 2)
    const { head, body } = held, takers = {
      points: () => this.takePoints(head, as(Float32Array)),
      colour: () => this.takeColour(head, head.kind === "scale" ? as(Float32Array) : body),
      names: () => this.takeNames(body),
      label: () => { this.label = { head, of: body } },
      size: () => { this.weights = body; this.fill(this.weightBuffer, body) },
      picked: () => this.takePicked(head, body),
      focus: () => {
        this.focus = { head, ends: as(Uint32Array) }
        this.fill(this.lineBuffer, this.focus.ends, "ELEMENT_ARRAY_BUFFER")
      },
    }
    takers[part]?.()
    this.draw()
  }

  takePoints(head, places) {
    const fresh = this.points?.head.key !== head.key
    this.points = { head, places, n: places.length / 2 }
    this.fill(this.placeBuffer, places)
    this.grid = makeGrid(places, head.low, head.high)
    this.cloud(places, head)
    if (fresh) this.fit()
    this.over.setAttribute("aria-label",
      `${head.alt} Arrow keys move it, plus and minus zoom, 0 shows everything, Escape clears the selection, Tab leads on; ` +
      "the table below lists the same.")
  }

  takeColour(head, values) {
    if (this.colour?.head.title !== head.title) this.hidden.clear()
    this.colour = { head, values }
    let texels = values
    if (head.kind === "scale") {
      texels = new Uint8Array(values.length)
      const span = head.high - head.low
      for (let i = 0; i < values.length; i++) {
        const share = (values[i] - head.low) / span
        texels[i] = share === share ? Math.min(Math.max(share, 0), 1) * 254 : OTHER
      }
    }
    this.texels = texels
    this.fill(this.texelBuffer, texels)
    this.paint()
    this.writeLegend()
  }

  async takeNames(body) {
    const stream = new Blob([body]).stream().pipeThrough(new DecompressionStream("deflate"))
    this.names = (await new Response(stream).text()).split("\n")
    this.draw()
  }

  takePicked(head, bits) {
    const picked = new Uint32Array(head.count)
    for (let i = 0, k = 0; k < picked.length; i++) if (bits[i >> 3] & (1 << (i & 7))) picked[k++] = i
    this.picked = picked
    this.fill(this.pickedBuffer, picked, "ELEMENT_ARRAY_BUFFER")
    this.status.textContent = head.text
  }

  // ----------------------------------------------------------------------------------------------------- WebGL
  start() {
    const gl = this.canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true })
    if (!gl) return null
    const program = (vertex, fragment) => {
      const made = gl.createProgram()
      for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
        const shader = gl.createShader(kind)
        gl.shaderSource(shader, source)
        gl.compileShader(shader)
        gl.attachShader(made, shader)
      }
      ;["place", "texel", "weight"].forEach((name, i) => gl.bindAttribLocation(made, i, name))
      gl.linkProgram(made)
      const at = {}
      for (const name of ["centre", "scale", "size", "alpha", "weighed", "palette", "ink"])
        at[name] = gl.getUniformLocation(made, name)
      return { made, at }
    }
    Object.assign(this, { pointProgram: program(VERTEX, POINT), lineProgram: program(VERTEX, FLAT) })
    for (const name of ["placeBuffer", "texelBuffer", "weightBuffer", "pickedBuffer", "lineBuffer"]) this[name] = gl.createBuffer()
    this.palette = gl.createTexture()
    gl.bindTexture(gl.TEXTURE_2D, this.palette)
    for (const key of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, key, gl.NEAREST)
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1)
    gl.enable(gl.BLEND)
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
    return gl
  }

  fill(buffer, array, kind = "ARRAY_BUFFER") {
    this.gl?.bindBuffer(this.gl[kind], buffer)
    this.gl?.bufferData(this.gl[kind], array, this.gl.STATIC_DRAW)
  }

  cloud(places, head) { // a picture of how many points lie in each cell, on a logarithmic scale
    const side = 160, counts = new Uint32Array(side * side)
    const [fx, fy] = [0, 1].map((k) => (side - 1e-3) / Math.max(head.high[k] - head.low[k], 1e-12))
    for (let i = 0; i < places.length; i += 2)
      counts[(side - 1 - Math.floor((places[i + 1] - head.low[1]) * fy)) * side + Math.floor((places[i] - head.low[0]) * fx)]++
    const most = counts.reduce((a, b) => Math.max(a, b), 0)
    this.crowd = most > 3 ? { counts, most, side } : null
    this.shade()
  }

  shade() { // the colour of the density follows the theme
    if (!this.crowd) return
    const { counts, most, side } = this.crowd, ink = rgb(this.other), pixels = new ImageData(side, side)
    counts.forEach((count, i) => { if (count > 1) pixels.data.set([...ink, (115 * Math.log1p(count)) / Math.log1p(most)], 4 * i) })
    this.density = Object.assign(document.createElement("canvas"), { width: side, height: side })
    this.density.getContext("2d").putImageData(pixels, 0, 0)
  }

  draw(moving = false) { // once a frame, however often it is asked for
    clearTimeout(this.later)
    if (moving && this.points?.n > MANY) this.later = setTimeout(() => this.draw(), 180)
    this.moving = moving
    this.frame ??= requestAnimationFrame(() => { this.frame = null; this.drawPoints(); this.drawOver() })
  }

  drawPoints() {
    const { gl, points, view } = this
    if (!gl || !points || this.texels?.length !== points.n) return
    const { width, height } = this.canvas
    this.drawDensity(points.head)
    const scale = [(2 * view.zoom * this.ratio) / width, (2 * view.zoom * this.ratio) / height]
    gl.viewport(0, 0, width, height)
    gl.clearColor(0, 0, 0, 0)
    gl.clear(gl.COLOR_BUFFER_BIT)
    const use = ({ made, at }) => {
      gl.useProgram(made)
      gl.uniform2f(at.centre, view.x, view.y)
      gl.uniform2f(at.scale, ...scale)
      return at
    }
    const weighed = this.weights?.length === points.n
    // Every k-th point while the map moves: what lies between is stepped over, by at most 255 bytes.
    const every = this.moving ? Math.min(Math.ceil(points.n / MANY), 31) : 1
    const aim = (step) => {
      [[0, this.placeBuffer, 2, gl.FLOAT, 8], [1, this.texelBuffer, 1, gl.UNSIGNED_BYTE, 1], [2, this.weightBuffer, 1, gl.UNSIGNED_BYTE, 1]]
        .forEach(([place, buffer, size, kind, bytes]) => {
          if (place === 2 && !weighed) { gl.disableVertexAttribArray(2); return }
          gl.bindBuffer(gl.ARRAY_BUFFER, buffer)
          gl.enableVertexAttribArray(place)
          gl.vertexAttribPointer(place, size, kind, place === 2, bytes * step, 0)
        })
    }
    gl.bindTexture(gl.TEXTURE_2D, this.palette)
    aim(1)
    if (this.focus?.ends.length) {
      const at = use(this.lineProgram), [colour, alpha] = this.lineInk()
      gl.uniform1f(at.size, 1)
      gl.uniform4f(at.ink, ...rgb(colour).map((value) => (value / 255) * alpha), alpha)
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.lineBuffer)
      gl.drawElements(gl.LINES, this.focus.ends.length, gl.UNSIGNED_INT, 0)
    }
    const at = use(this.pointProgram)
    gl.uniform1i(at.weighed, weighed)
    gl.uniform1f(at.size, this.pointSize() * this.ratio)
    const full = points.n > 200_000 ? 0.45 : points.n > 20_000 ? 0.65 : 0.9
    gl.uniform1f(at.alpha, !this.picked?.length ? full : points.n > 200_000 ? 0.02 : points.n > 20_000 ? 0.06 : 0.14) // many dim ones add up
    aim(every)
    gl.drawArrays(gl.POINTS, 0, Math.floor((points.n - 1) / every) + 1)
    aim(1)
    if (this.picked?.length) {
      gl.uniform1f(at.alpha, full)
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.pickedBuffer)
      gl.drawElements(gl.POINTS, this.moving ? Math.min(this.picked.length, MANY) : this.picked.length, gl.UNSIGNED_INT, 0)
    }
    this.frames = (this.frames ?? 0) + 1
  }

  drawDensity({ low, high }) {
    const pen = this.under.getContext("2d"), [x0, y1] = this.toScreen(...low), [x1, y0] = this.toScreen(...high)
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0)
    pen.clearRect(0, 0, this.under.width, this.under.height)
    if (this.crowd && !this.hidden.size) pen.drawImage(this.density, x0, y0, x1 - x0, y1 - y0)
  }

  lineInk() { return [this.focus.head.node < 0 ? this.ink.text : this.ink.mark, this.focus.ends.length > 2000 ? 0.08 : 0.35] }

  pointSize() { // pixels: smaller where there are many, growing as one looks closer
    const n = this.points.n, base = n <= 2000 ? 7 : n <= 20_000 ? 5 : n <= 200_000 ? 3 : 2
    return Math.min(base * Math.max(1, this.view.zoom / this.whole) ** 0.35, 14)
  }

  // --------------------------------------------------------------------------------- what is written on the map
  toScreen(x, y) {
    return [this.over.clientWidth / 2 + (x - this.view.x) * this.view.zoom, this.over.clientHeight / 2 - (y - this.view.y) * this.view.zoom]
  }

  toMap(px, py) {
    return [this.view.x + (px - this.over.clientWidth / 2) / this.view.zoom, this.view.y - (py - this.over.clientHeight / 2) / this.view.zoom]
  }

  placeOf(point) {
    return this.toScreen(this.points.places[2 * point], this.points.places[2 * point + 1])
  }

  shown(point) { // whether its group is not toggled off
    return this.texelsOf?.[4 * this.texels[point] + 3] > 0
  }

  drawOver() {
    const { pen, ink } = this
    if (!this.points || !ink) return
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0)
    pen.clearRect(0, 0, this.over.clientWidth, this.over.clientHeight)
    for (const label of this.labels()) {
      pen.font = label.font
      pen.lineWidth = 3.5
      pen.lineJoin = "round"
      pen.strokeStyle = ink.ground
      pen.fillStyle = ink.text
      pen.strokeText(label.text, label.x, label.y)
      pen.fillText(label.text, label.x, label.y)
    }
    for (const { path, colour, width } of this.marks()) {
      pen.strokeStyle = colour
      pen.lineWidth = width
      pen.stroke(new Path2D(path))
    }
    if (this.outline?.length > 1) {
      pen.beginPath()
      this.outline.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)))
      pen.closePath()
      pen.fillStyle = ink.mark + "22"
      pen.fill()
      pen.setLineDash([5, 4])
      pen.strokeStyle = ink.mark
      pen.lineWidth = 1.5
      pen.stroke()
      pen.setLineDash([])
    }
  }

  marks() { // arrows and rings as paths of SVG, which a canvas draws too
    const ring = (point, radius, colour, width) => {
      const [x, y] = this.placeOf(point), arc = `a${radius} ${radius} 0 1 0 `
      return { path: `M${x - radius} ${y}${arc}${2 * radius} 0${arc}${-2 * radius} 0`, colour, width }
    }
    const marks = (this.focus?.head.arrows ?? []).map(([from, to]) => {
      const [[x0, y0], [x, y]] = [this.toScreen(...from), this.toScreen(...to)], angle = Math.atan2(y - y0, x - x0)
      const head = [2.6, -2.6].map((turn) => `M${x} ${y}l${9 * Math.cos(angle + turn)} ${9 * Math.sin(angle + turn)}`)
      return { path: `M${x0} ${y0}L${x} ${y}${head.join("")}`, colour: this.ink.mark, width: 2 }
    })
    if (this.focus?.head.node >= 0) marks.push(ring(this.focus.head.node, 9, this.ink.mark, 3))
    if (this.hovered >= 0) marks.push(ring(this.hovered, 7, this.ink.text, 2))
    return marks
  }

  labels() { // names of groups, then of hubs, each only where it covers none before it; axes in the corner
    const { pen, over } = this, font = getComputedStyle(this.box).fontFamily
    const axes = this.points.head.axes, taken = [], kept = []
    const place = (text, x, y, size, bold, centred) => {
      const style = `${bold ? 600 : 400} ${size}px ${font}`
      pen.font = style
      const width = pen.measureText(text).width, left = centred ? x - width / 2 : x
      const box = [left - 3, y - size, left + width + 3, y + 4]
      if (box[0] < 0 || box[1] < 0 || box[2] > over.clientWidth || box[3] > over.clientHeight) return
      if (taken.some((b) => box[0] < b[2] && b[0] < box[2] && box[1] < b[3] && b[1] < box[3])) return
      taken.push(box)
      kept.push({ text, x: left, y, font: style, size, bold })
    }
    place(`→ ${axes[0]}`, 10, over.clientHeight - 10, 12, false, false)
    place(`↑ ${axes[1]}`, 10, over.clientHeight - 27, 12, false, false)
    if (!this.labelled) return kept
    if (this.focus?.head.node >= 0) place(this.nameOf(this.focus.head.node), this.placeOf(this.focus.head.node)[0] + 13, this.placeOf(this.focus.head.node)[1] + 4, 13, true, false)
    for (const [group, at] of (this.colour?.head.places ?? []).entries())
      if (at && !this.hides(group)) place(this.colour.head.names[group].slice(0, 40), ...this.toScreen(...at), 14, true, true)
    const hubs = (this.focus?.head.hubs ?? []).slice(0, 12 * (this.view.zoom / this.whole) ** 2) // more as one looks closer
    for (const hub of hubs) if (this.shown(hub)) place(this.nameOf(hub), this.placeOf(hub)[0] + 7, this.placeOf(hub)[1] + 4, 11, false, false)
    return kept
  }

  nameOf(point) { return (this.names[point] ?? `${this.points.head.noun} ${point + 1}`).slice(0, 60) }

  writeLegend() {
    const { head } = this.colour, { legend, add } = this
    legend.replaceChildren()
    add(legend, "b", "").textContent = head.title
    if (head.kind === "scale") {
      add(legend, "span", "").textContent = head.ends[0]
      add(legend, "span", "ramp").style.background = `linear-gradient(90deg, ${[0, 0.25, 0.5, 0.75, 1].map((share) => `rgb(${this.between(share)})`)})`
      add(legend, "span", "").textContent = head.ends[1]
      return
    }
    const entry = (group, name, count) => {
      const button = add(legend, "button", "", { type: "button", "aria-pressed": String(!this.hidden.has(group)), title: `${name}: click hides or shows it, a double click shows it alone; what is hidden is not selected` })
      button.innerHTML = '<svg width="11" height="11"><circle cx="5.5" cy="5.5" r="5"></circle></svg><span></span><em></em>'
      button.firstChild.style.fill = group === OTHER ? this.other : this.colourOf(group)
      button.children[1].textContent = name
      button.children[2].textContent = count.toLocaleString("en")
      button.addEventListener("click", (event) => this.toggle(group, event.detail > 1 || event.altKey))
    }
    head.colours.forEach((_, group) => entry(group, head.names[group], head.counts[group]))
    if (head.rest) entry(OTHER, head.rest, head.rest_count)
  }

  toggle(group, alone) {
    const all = [...this.colour.head.colours.keys(), ...(this.colour.head.rest ? [OTHER] : [])]
    const others = all.filter((other) => other !== group)
    if (alone) {
      const already = this.was === group
      this.hidden = new Set(already ? [] : others)
      this.was = already ? null : group
    } else if (!this.hidden.delete(group)) this.hidden.add(group)
    for (const [i, button] of [...this.legend.querySelectorAll("button")].entries()) button.setAttribute("aria-pressed", String(!this.hidden.has(all[i])))
    this.paint()
  }

  // ------------------------------------------------------------------------------------------------ movement
  resize() {
    const { clientWidth: width, clientHeight: height } = this.stage
    if (!width) return
    this.ratio = Math.min(devicePixelRatio || 1, 2)
    for (const canvas of [this.under, this.canvas, this.over]) Object.assign(canvas, { width: width * this.ratio, height: height * this.ratio })
    if (this.view.zoom === this.whole || !this.whole) this.fit()
    this.drawPoints()
    this.drawOver()
  }

  fit() {
    if (!this.points || !this.stage.clientWidth) return
    const { low, high } = this.points.head
    const span = [0, 1].map((k) => Math.max(high[k] - low[k], 1e-9))
    this.whole = Math.min((this.stage.clientWidth - 40) / span[0], (this.stage.clientHeight - 60) / span[1])
    this.view = { x: (low[0] + high[0]) / 2, y: (low[1] + high[1]) / 2, zoom: this.whole }
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

  listen() {
    const { over } = this, fingers = new Map()
    let start = null
    const at = (event) => { const box = over.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top] }
    over.addEventListener("pointerdown", (event) => {
      over.setPointerCapture(event.pointerId)
      fingers.set(event.pointerId, at(event))
      const selecting = this.tool !== "pan" || event.shiftKey || event.altKey
      start = { at: at(event), mode: event.shiftKey ? "add" : event.altKey ? "subtract" : "replace", selecting, moved: false, box: this.tool === "box" }
      this.hover(-1)
    })
    over.addEventListener("pointermove", (event) => {
      const now = at(event), before = fingers.get(event.pointerId)
      if (!before || !start) { this.hover(this.nearest(...now), now); return }
      fingers.set(event.pointerId, now)
      if (fingers.size === 2) { // two fingers: zoom by their distance
        const [a, b] = [...fingers.values()], other = a === now ? b : a
        this.zoom(Math.hypot(now[0] - other[0], now[1] - other[1]) / Math.max(Math.hypot(before[0] - other[0], before[1] - other[1]), 1), ...other)
        Object.assign(start, { moved: true, selecting: false })
        return
      }
      if (Math.hypot(now[0] - start.at[0], now[1] - start.at[1]) > 4) start.moved = true
      if (!start.moved) return
      if (!start.selecting) { this.move(now[0] - before[0], now[1] - before[1]); return }
      const [x, y] = start.at
      if (start.box) this.outline = [[x, y], [now[0], y], now, [x, now[1]]]
      else (this.outline ??= [start.at]).push(now)
      this.drawOver()
    })
    const end = (event) => {
      fingers.delete(event.pointerId)
      if (!start || fingers.size) return
      const { moved, mode, selecting } = start, outline = this.outline
      start = this.outline = null
      if (!moved && event.type === "pointerup") {
        const point = this.nearest(...at(event))
        if (point >= 0) this.tell({ kind: "click", point, mode })
      } else if (selecting && outline?.length > 2)
        this.tell({ kind: "outline", mode, outline: thin(outline, MOST_CORNERS).map(([x, y]) => this.toMap(x, y)), hidden: [...Array(256).keys()].filter((group) => this.hides(group)) })
      this.draw()
    }
    over.addEventListener("pointerup", end)
    over.addEventListener("pointercancel", end)
    over.addEventListener("pointerleave", () => this.hover(-1))
    over.addEventListener("wheel", (event) => {
      event.preventDefault()
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), ...at(event))
    }, { passive: false })
    over.addEventListener("keydown", (event) => {
      const step = 60, act = {
        ArrowLeft: () => this.move(step, 0), ArrowRight: () => this.move(-step, 0), ArrowUp: () => this.move(0, step), ArrowDown: () => this.move(0, -step),
        "+": () => this.zoom(1.3), "=": () => this.zoom(1.3), "-": () => this.zoom(1 / 1.3), 0: () => this.fit(),
        Escape: () => { this.outline = start = null; this.draw(); if (this.picked?.length || this.focus?.head.node >= 0) this.tell({ kind: "clear" }) },
      }[event.key]
      if (!act || event.ctrlKey || event.metaKey) return
      event.preventDefault()
      act()
    })
  }

  nearest(px, py) { // the point pointed at, or -1
    if (!this.grid || !this.texels) return -1
    const [x, y] = this.toMap(px, py), reach = NEAR / this.view.zoom, { places } = this.points
    let best = -1, least = reach * reach
    this.grid.each(x - reach, y - reach, x + reach, y + reach, (i) => {
      const d = (places[2 * i] - x) ** 2 + (places[2 * i + 1] - y) ** 2
      if (d < least && this.shown(i)) { least = d; best = i }
    })
    return best
  }

  hover(point, [x, y] = [0, 0]) {
    this.card.hidden = point < 0
    if (point >= 0) {
      const { head, values } = this.colour, lines = [this.nameOf(point)]
      if (this.label) lines.push(this.label.head.names[this.label.of[point]] ?? "no label")
      if (head.kind === "scale") lines.push(`${head.title}: ${valueText(values[point], head)}`)
      else if (head.column !== "label") lines.push(`${head.title}: ${head.names[values[point]] ?? head.none}`)
      this.card.textContent = lines.join("\n")
      this.card.style.left = `${Math.min(x + 14, this.stage.clientWidth - this.card.offsetWidth - 4)}px`
      this.card.style.top = `${Math.min(y + 14, this.stage.clientHeight - this.card.offsetHeight - 4)}px`
    }
    if (point === this.hovered) return
    this.hovered = point
    this.drawOver()
  }

  // -------------------------------------------------------------------------------------------------- pictures
  save(blob, suffix) {
    const link = document.createElement("a")
    link.href = URL.createObjectURL(blob)
    link.download = `map.${suffix}`
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
  }

  key() { // the legend as rows of text with a colour
    const { head } = this.colour
    if (head.kind === "scale") return [0, 0.25, 0.5, 0.75, 1].map((share) => [`rgb(${this.between(share)})`, share === 0 ? head.ends[0] : share === 1 ? head.ends[1] : ""])
    const rows = [...head.colours.keys()].filter((group) => !this.hidden.has(group)).map((group) => [this.colourOf(group), head.names[group]])
    return head.rest && !this.hidden.has(OTHER) ? [...rows, [this.other, head.rest]] : rows
  }

  picture(vector) { // the map with its legend as SVG; points as circles, or what is seen as an image
    const width = this.stage.clientWidth, height = this.stage.clientHeight, rows = this.key(), parts = []
    const text = (words, x, y, size, bold) => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" font-family="sans-serif" font-weight="${bold ? 600 : 400}" fill="${this.ink.text}" stroke="${this.ink.ground}" stroke-width="3" paint-order="stroke">${words.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)}</text>`
    this.moving = false
    this.drawPoints() // its pixels are gone after a frame
    const images = [this.under, this.canvas, ...(vector ? [] : [this.over])]
    if (!vector || this.points.n > 50_000)
      for (const canvas of images) parts.push(`<image width="${width}" height="${height}" href="${canvas.toDataURL()}"/>`)
    else {
      const chosen = new Set(this.picked ?? []), radius = this.pointSize() / 2, ends = this.focus?.ends ?? [], lines = []
      for (let i = 0; i < ends.length; i += 2) lines.push("M", short(this.placeOf(ends[i])), "L", short(this.placeOf(ends[i + 1])))
      if (lines.length) parts.push(`<path d="${lines.join("")}" fill="none" stroke="${this.lineInk()[0]}" stroke-opacity="${this.lineInk()[1]}"/>`)
      for (let i = 0; i < this.points.n; i++) {
        const [x, y] = this.placeOf(i)
        if (!this.shown(i) || x < 0 || y < 0 || x > width || y > height) continue
        const [r, g, b] = this.texelsOf.subarray(4 * this.texels[i])
        parts.push(`<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius.toFixed(1)}" fill="rgb(${r},${g},${b})" fill-opacity="${chosen.size && !chosen.has(i) ? 0.15 : 0.9}"/>`)
      }
    }
    if (vector) for (const { path, colour, width } of this.marks()) parts.push(`<path d="${path}" fill="none" stroke="${colour}" stroke-width="${width}"/>`)
    if (vector) for (const label of this.labels()) parts.push(text(label.text, label.x, label.y, label.size, label.bold))
    parts.push(text(this.colour.head.title, width + 10, 24, 13, true))
    rows.forEach(([colour, words], i) => parts.push(`<rect x="${width + 10}" y="${36 + 20 * i}" width="11" height="11" fill="${colour}"/>`, text(words, width + 28, 46 + 20 * i, 13, false)))
    this.pen.font = "600 13px sans-serif"
    const aside = Math.max(...[[0, this.colour.head.title], ...rows].map(([, words]) => this.pen.measureText(words).width))
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(width + aside + 40)}" height="${height}"><rect width="100%" height="100%" fill="${this.ink.ground}"/>${parts.join("")}</svg>`
    return new Blob([svg], { type: "image/svg+xml" })
  }

  svg() { this.save(this.picture(true), "svg") }

  png() {
    const image = new Image(), canvas = document.createElement("canvas")
    image.onload = () => {
      Object.assign(canvas, { width: image.width * this.ratio, height: image.height * this.ratio })
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height)
      URL.revokeObjectURL(image.src)
      canvas.toBlob((blob) => this.save(blob, "png"))
    }
    image.src = URL.createObjectURL(this.picture(false))
  }
}

// ---------------------------------------------------------------------------------------------------------- tools
function rgb(colour) { // of #rrggbb or rgb(r, g, b)
  const hex = /^#([0-9a-f]{6})/i.exec(colour.trim())
  if (hex) return [0, 2, 4].map((i) => parseInt(hex[1].slice(i, i + 2), 16))
  return (colour.match(/[\d.]+/g) ?? [128, 128, 128]).slice(0, 3).map(Number)
}

function short([x, y]) { return `${x.toFixed(1)} ${y.toFixed(1)}` }

function luminance([r, g, b]) { return (0.299 * r + 0.587 * g + 0.114 * b) / 255 }

function valueText(value, head) {
  if (Number.isNaN(value)) return "no value"
  const plain = head.logarithmic ? 10 ** value - 1 : value
  return Number.isInteger(Math.round(plain * 1e4) / 1e4) ? Math.round(plain).toLocaleString("en") : String(+plain.toPrecision(4))
}

function thin(outline, most) { // every k-th corner of a long outline
  const step = Math.ceil(outline.length / most)
  return outline.filter((_, i) => i % step === 0)
}

function makeGrid(places, low, high) { // the points of each cell, by counting, so that few are looked at when one is pointed at
  const n = places.length / 2, side = Math.max(1, Math.min(1024, Math.ceil(Math.sqrt(n / 2))))
  const f = [0, 1].map((k) => (side - 1e-3) / Math.max(high[k] - low[k], 1e-12))
  const clip = (value) => Math.max(0, Math.min(side - 1, Math.floor(value)))
  const cell = (i) => clip((places[2 * i + 1] - low[1]) * f[1]) * side + clip((places[2 * i] - low[0]) * f[0])
  const starts = new Uint32Array(side * side + 1), points = new Uint32Array(n)
  for (let i = 0; i < n; i++) starts[cell(i) + 1]++
  for (let k = 0; k < side * side; k++) starts[k + 1] += starts[k]
  const next = starts.slice()
  for (let i = 0; i < n; i++) points[next[cell(i)]++] = i
  return {
    each(x0, y0, x1, y1, visit) {
      const [a, b, c, d] = [clip((x0 - low[0]) * f[0]), clip((x1 - low[0]) * f[0]), clip((y0 - low[1]) * f[1]), clip((y1 - low[1]) * f[1])]
      for (let row = c; row <= d; row++)
        for (let k = starts[row * side + a]; k < starts[row * side + b + 1]; k++) visit(points[k])
    },
  }
}
