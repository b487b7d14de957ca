// The points: where they lie, the byte that chooses their colour, which are selected; drawn by WebGL.

const OTHER = 255 // texel of points without a value, and of groups beyond the coloured ones
const MANY = 60_000 // points above which a fair part, about as many, is drawn while the map moves

// ---------------------------------------------------------------------------------------------------------- shaders
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
const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 colour; in float radius; out vec4 seen;
void main() {
  vec2 d = gl_PointCoord * 2.0 - 1.0;
  float r = dot(d, d);
  if (radius > 2.5 && r > 1.0) discard;
  seen = radius > 5.0 ? colour * (1.0 - smoothstep(0.7, 1.0, r)) : colour;
}`

class Points {
  constructor(gl) {
    this.gl = gl
    this.n = 0
    this.picked = new Uint32Array(0) // numbers of the selected ones
    this.palette = new Uint8Array(1024) // a colour for each texel; alpha 0 hides a group
    const program = gl.createProgram()
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind)
      gl.shaderSource(shader, source)
      gl.compileShader(shader)
      gl.attachShader(program, shader)
    }
    ;["place", "texel", "weight"].forEach((name, i) => gl.bindAttribLocation(program, i, name))
    gl.linkProgram(program)
    gl.useProgram(program)
    this.uniform = {}
    for (const name of ["centre", "scale", "size", "alpha", "weighed"]) this.uniform[name] = gl.getUniformLocation(program, name)
    this.buffers = { places: gl.createBuffer(), texels: gl.createBuffer(), weights: gl.createBuffer(), picked: gl.createBuffer() }
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture()) // the palette
    for (const key of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, key, gl.NEAREST)
    gl.enable(gl.BLEND)
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
  }

  // --------------------------------------------------------------------------------------------- what they are
  fill(name, array) { // one of: places (x and y of each), texels, weights (bytes), picked
    this[name] = array
    const { gl } = this, kind = name === "picked" ? gl.ELEMENT_ARRAY_BUFFER : gl.ARRAY_BUFFER
    gl.bindBuffer(kind, this.buffers[name])
    gl.bufferData(kind, array, gl.STATIC_DRAW)
  }

  place(places, low, high) {
    this.n = places.length / 2
    this.grid = makeGrid(places, low, high)
    this.fill("places", places)
  }

  scale(values, low, high) { // colours along a scale, grey where there is no value
    const texels = new Uint8Array(values.length)
    for (let i = 0; i < values.length; i++) {
      const share = (values[i] - low) / (high - low)
      texels[i] = Number.isNaN(share) ? OTHER : Math.min(Math.max(share, 0), 1) * (OTHER - 1)
    }
    this.fill("texels", texels)
  }

  pick(count, bits) { // a bit for each point
    const picked = new Uint32Array(count)
    for (let i = 0, k = 0; k < count; i++) if (bits[i >> 3] & (1 << (i & 7))) picked[k++] = i
    this.fill("picked", picked)
  }

  paint(colourOf) { // red, green, blue and alpha of each texel
    const { gl, palette } = this
    for (let texel = 0; texel < 256; texel++) palette.set(colourOf(texel), 4 * texel)
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, palette)
  }

  get ready() { return this.n > 0 && this.texels?.length === this.n }

  at(point) { return this.places.subarray(2 * point, 2 * point + 2) }

  colour(point) { return this.palette.subarray(4 * this.texels[point], 4 * this.texels[point] + 4) }

  shown(point) { return this.colour(point)[3] > 0 } // its group is not toggled off

  nearest(x, y, reach) { // the shown point nearest to a place, or -1
    let best = -1, least = reach * reach
    if (this.ready)
      this.grid.each(x - reach, y - reach, x + reach, y + reach, (i) => {
        const d = (this.places[2 * i] - x) ** 2 + (this.places[2 * i + 1] - y) ** 2
        if (d < least && this.shown(i)) { least = d; best = i }
      })
    return best
  }

  // -------------------------------------------------------------------------------------------------- drawing
  size(closer) { // pixels: smaller where there are many, growing as one looks closer
    const base = this.n <= 2000 ? 7 : this.n <= 20_000 ? 5 : this.n <= 200_000 ? 3 : 2
    return Math.min(base * Math.max(1, closer) ** 0.35, 14)
  }

  aim(every) { // at every k-th point: what lies between is stepped over, by at most 255 bytes
    const { gl, buffers } = this, weighed = this.weights?.length === this.n
    gl.uniform1i(this.uniform.weighed, weighed)
    for (const [i, buffer, size, kind, bytes] of [
      [0, buffers.places, 2, gl.FLOAT, 8],
      [1, buffers.texels, 1, gl.UNSIGNED_BYTE, 1],
      [2, buffers.weights, 1, gl.UNSIGNED_BYTE, 1],
    ]) {
      if (i === 2 && !weighed) { gl.disableVertexAttribArray(i); continue }
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer)
      gl.enableVertexAttribArray(i)
      gl.vertexAttribPointer(i, size, kind, i === 2, bytes * every, 0)
    }
  }

  draw({ x, y, zoom }, ratio, closer, moving) {
    const { gl, uniform, n, picked } = this, { width, height } = gl.canvas
    const every = moving ? Math.min(Math.ceil(n / MANY), 31) : 1
    const full = n > 200_000 ? 0.45 : n > 20_000 ? 0.65 : 0.9
    const dim = n > 200_000 ? 0.02 : n > 20_000 ? 0.06 : 0.14 // beside a selection; many dim ones add up
    gl.viewport(0, 0, width, height)
    gl.clear(gl.COLOR_BUFFER_BIT)
    gl.uniform2f(uniform.centre, x, y)
    gl.uniform2f(uniform.scale, (2 * zoom * ratio) / width, (2 * zoom * ratio) / height)
    gl.uniform1f(uniform.size, this.size(closer) * ratio)
    gl.uniform1f(uniform.alpha, picked.length ? dim : full)
    this.aim(every)
    gl.drawArrays(gl.POINTS, 0, Math.floor((n - 1) / every) + 1)
    if (!picked.length) return
    gl.uniform1f(uniform.alpha, full)
    this.aim(1)
    gl.drawElements(gl.POINTS, moving ? Math.min(picked.length, MANY) : picked.length, gl.UNSIGNED_INT, 0)
  }
}

function makeGrid(places, low, high) { // the points of each cell, by counting, so that few are looked at when one is pointed at
  const n = places.length / 2, side = Math.min(512, Math.max(128, Math.ceil(Math.sqrt(n / 2))))
  const cellOf = (value, k) => Math.max(0, Math.min(side - 1, Math.floor(((value - low[k]) / Math.max(high[k] - low[k], 1e-12)) * side)))
  const cells = new Uint32Array(n), starts = new Uint32Array(side * side + 1), points = new Uint32Array(n)
  for (let i = 0; i < n; i++) {
    cells[i] = cellOf(places[2 * i + 1], 1) * side + cellOf(places[2 * i], 0)
    starts[cells[i] + 1]++
  }
  for (let k = 0; k < side * side; k++) starts[k + 1] += starts[k]
  const next = starts.slice()
  for (let i = 0; i < n; i++) points[next[cells[i]]++] = i
  const each = (x0, y0, x1, y1, visit) => {
    const [left, right] = [cellOf(x0, 0), cellOf(x1, 0)]
    for (let row = cellOf(y0, 1); row <= cellOf(y1, 1); row++)
      for (let k = starts[row * side + left]; k < starts[row * side + right + 1]; k++) visit(points[k])
  }
  return { side, starts, each }
}
