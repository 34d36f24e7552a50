// Small WebGL2 programs: surfaces, points, boxes, lines of any width, pictures. Each has its buffers and draws itself.

const FOG = `
uniform vec3 eye; uniform vec2 fog;
float clearness(vec3 p) { return 1.0 - smoothstep(fog.x, fog.y, distance(p, eye)); }`;

const SHADE = `
uniform vec3 back;
out vec4 shown;`;

// where a lens has what a pinhole sees: `bent` of lens.js, for clip coordinates
const LENS = `
uniform int lens; uniform vec4 sides; uniform float coefficients[5]; uniform float reach;
float radial(float r) {
  float a = lens == 2 ? atan(r) : r, q = a * a;
  return a * (1.0 + q * (coefficients[0] + q * (coefficients[1] + q * (lens == 2 ? coefficients[2] + q * coefficients[3] : coefficients[4]))));
}
vec4 bent(vec4 clip) {
  if (lens == 0 || clip.w < 0.01) return clip;
  vec2 middle = (sides.xz + sides.yw) / 2.0, across = (sides.yw - sides.xz) / 2.0;
  vec2 p = (middle + clip.xy / clip.w * across) * vec2(1.0, -1.0), t = vec2(0.0);
  float r = length(p), within = min(r, reach), far = radial(within);
  if (r > reach) far += (far - radial(reach - 1e-3)) * 1e3 * (r - reach);
  if (lens == 1) {
    vec2 s = r > 0.0 ? p * within / r : p;
    float q = dot(s, s), p1 = coefficients[2], p2 = coefficients[3];
    t = vec2(2.0 * p1 * s.x * s.y + p2 * (q + 2.0 * s.x * s.x), p1 * (q + 2.0 * s.y * s.y) + 2.0 * p2 * s.x * s.y);
  }
  p = (r > 0.0 ? p * far / r : p) + t;
  return vec4((p * vec2(1.0, -1.0) - middle) / across * clip.w, clip.zw);
}`;

const SURFACE_V = `
in vec3 place; in vec3 colour; uniform mat4 view; out vec3 tint; out vec3 where;
void main() { tint = colour; where = place; gl_Position = view * vec4(place, 1.0); }`;
const SURFACE_F = `
in vec3 tint; in vec3 where;
void main() { shown = vec4(mix(back, tint, clearness(where)), 1.0); }`;

const POINT_V = `${LENS}
in vec3 place; in float value; in float kind;
uniform mat4 view; uniform mat4 model; uniform float unit; uniform int mode; uniform vec3 size; uniform float clear;
uniform sampler2D palette;
out vec3 tint; out vec3 where; out float gone;
vec3 ramp(float x) {
  vec3 a = vec3(0.16, 0.22, 0.55), b = vec3(0.05, 0.62, 0.72), c = vec3(0.98, 0.85, 0.35), d = vec3(1.0, 0.42, 0.28);
  x = clamp(x, 0.0, 1.0) * 3.0;
  return x < 1.0 ? mix(a, b, x) : x < 2.0 ? mix(b, c, x - 1.0) : mix(c, d, x - 2.0);
}
void main() {
  vec3 own = place * unit;
  where = (model * vec4(own, 1.0)).xyz;
  vec4 listed = texelFetch(palette, ivec2(int(kind), 0), 0);
  gone = mode == 1 ? 1.0 - listed.a : 0.0;
  tint = mode == 0 ? ramp(sqrt(value / 255.0)) : mode == 1 ? listed.rgb : ramp((own.z + 0.3) / 4.5);
  gl_Position = bent(view * vec4(where, 1.0));
  // nothing stands between the eye and who is followed
  if (gl_Position.w < clear && length(gl_Position.xy) < 0.55 * gl_Position.w) gone = 1.0;
  gl_PointSize = clamp(size.x / gl_Position.w, size.y, size.z);
}`;
const POINT_F = `
in vec3 tint; in vec3 where; in float gone; uniform float dim;
void main() { if (gone > 0.5) discard; shown = vec4(mix(back, tint, dim * clearness(where)), 1.0); }`;

const BOX_V = `
in vec3 place; in vec3 normal; in mat4 model; in vec4 colour;
uniform mat4 view; out vec4 tint; out vec3 where;
void main() {
  vec4 p = model * vec4(place, 1.0);
  vec3 n = normalize(mat3(model) * normal / vec3(dot(model[0].xyz, model[0].xyz), dot(model[1].xyz, model[1].xyz), dot(model[2].xyz, model[2].xyz)));
  float light = 0.58 + 0.30 * max(n.z, 0.0) + 0.12 * dot(n.xy, vec2(0.6, 0.8));
  tint = vec4(mix(colour.rgb * light, vec3(1.0), normal.x > 0.5 ? 0.32 : 0.0), colour.a);
  where = p.xyz; gl_Position = view * p;
}`;
const BOX_F = `
in vec4 tint; in vec3 where;
void main() { shown = vec4(mix(back, tint.rgb, clearness(where)), tint.a); }`;

const LINE_V = `${LENS}
in vec2 corner; in vec3 begin; in vec3 end; in vec4 colour; in float width;
uniform mat4 view; uniform vec2 window; out vec4 tint; out vec3 where;
void main() {
  vec4 a = view * vec4(begin, 1.0), b = view * vec4(end, 1.0);
  float near = 0.05;
  if (a.w < near && b.w < near) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); return; }
  if (a.w < near) a = mix(b, a, (b.w - near) / (b.w - a.w));
  if (b.w < near) b = mix(a, b, (a.w - near) / (a.w - b.w));
  a = bent(a);
  b = bent(b);
  vec2 way = (b.xy / b.w - a.xy / a.w) * window;
  vec2 side = length(way) > 1e-4 ? normalize(vec2(-way.y, way.x)) : vec2(0.0, 1.0);
  vec4 p = corner.x < 0.5 ? a : b;
  p.xy += side * corner.y * width / window * p.w;
  p.z -= 2e-5 * p.w;
  tint = colour; where = corner.x < 0.5 ? begin : end; gl_Position = p;
}`;
const LINE_F = BOX_F;

const PICTURE_V = `
in vec3 place; in vec2 texel; uniform mat4 view; out vec2 at;
void main() { at = texel; gl_Position = view * vec4(place, 1.0); }`;
const PICTURE_F = `
in vec2 at; uniform sampler2D picture;
void main() { shown = vec4(texture(picture, at).rgb, 1.0); }`;

class Program {
  constructor(gl, vertex, fragment) {
    this.gl = gl;
    this.id = gl.createProgram();
    const head = "#version 300 es\nprecision highp float;\nprecision highp int;\n";
    for (const [kind, text] of [[gl.VERTEX_SHADER, head + vertex], [gl.FRAGMENT_SHADER, head + FOG + SHADE + fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
      gl.attachShader(this.id, shader);
    }
    gl.linkProgram(this.id);
    if (!gl.getProgramParameter(this.id, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(this.id));
    this.places = {};
  }

  at(name) { return (this.places[name] ??= this.gl.getUniformLocation(this.id, name)); }

  use(view) {
    const gl = this.gl;
    gl.useProgram(this.id);
    gl.uniformMatrix4fv(this.at("view"), false, view.matrix);
    gl.uniform3fv(this.at("eye"), view.eye);
    gl.uniform2fv(this.at("fog"), view.fog);
    gl.uniform3fv(this.at("back"), view.back);
    const { model = "", coefficients = [], reach = 0 } = view.lens ?? {};
    gl.uniform1i(this.at("lens"), ["", "plain", "fisheye"].indexOf(model));
    gl.uniform1fv(this.at("coefficients"), [...coefficients, 0, 0, 0, 0, 0].slice(0, 5));
    gl.uniform1f(this.at("reach"), reach);
    gl.uniform4fv(this.at("sides"), view.sides);
  }

  // one attribute of a vertex array, from a buffer
  attribute(name, buffer, size, { type = this.gl.FLOAT, normalized = false, stride = 0, offset = 0, divisor = 0 } = {}) {
    const gl = this.gl, place = gl.getAttribLocation(this.id, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, type, normalized, stride, offset);
    gl.vertexAttribDivisor(place, divisor);
    return place;
  }
}

const filled = (gl, array, usage = gl.STATIC_DRAW) => {
  const buffer = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
  gl.bufferData(gl.ARRAY_BUFFER, array, usage);
  return buffer;
};

const arranged = (gl, fill) => {
  const list = gl.createVertexArray();
  gl.bindVertexArray(list);
  fill();
  gl.bindVertexArray(null);
  return list;
};

export class Surface {
  // triangles: places (Float32Array, 3 a corner), colours (Uint8Array, 3 a corner)
  constructor(gl, places, colours) {
    this.gl = gl;
    this.program = new Program(gl, SURFACE_V, SURFACE_F);
    this.count = places.length / 3;
    this.list = arranged(gl, () => {
      this.program.attribute("place", filled(gl, places), 3);
      this.program.attribute("colour", filled(gl, colours), 3, { type: gl.UNSIGNED_BYTE, normalized: true });
    });
  }

  draw(view) {
    this.program.use(view);
    this.gl.bindVertexArray(this.list);
    this.gl.drawArrays(this.gl.TRIANGLES, 0, this.count);
  }
}

export class Points {
  // places: Int16Array, 3 a point, in `unit` metres; values and kinds: Uint8Array; palette: 256 x rgba
  constructor(gl, places, values, kinds, unit, palette) {
    this.gl = gl;
    this.unit = unit;
    this.program = new Program(gl, POINT_V, POINT_F);
    this.list = arranged(gl, () => {
      this.program.attribute("place", filled(gl, places), 3, { type: gl.SHORT });
      this.program.attribute("value", filled(gl, values), 1, { type: gl.UNSIGNED_BYTE });
      this.program.attribute("kind", filled(gl, kinds), 1, { type: gl.UNSIGNED_BYTE });
    });
    this.palette = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.palette);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, palette);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  }

  // size: metres, least and most pixels; dim: 1 for full colour; clear: how far from the eye the middle stays free
  draw(view, model, { start, count, mode, size, dim, clear = 0 }) {
    const gl = this.gl, p = this.program;
    p.use(view);
    gl.uniformMatrix4fv(p.at("model"), false, model);
    gl.uniform1f(p.at("unit"), this.unit);
    gl.uniform1i(p.at("mode"), mode);
    gl.uniform3f(p.at("size"), size[0] * view.pxPerUnit, size[1] * view.ratio, size[2] * view.ratio);
    gl.uniform1f(p.at("dim"), dim);
    gl.uniform1f(p.at("clear"), clear);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.palette);
    gl.uniform1i(p.at("palette"), 0);
    gl.bindVertexArray(this.list);
    gl.drawArrays(gl.POINTS, start, count);
  }
}

const FACES = [[0, 1, 2], [1, 2, 0], [2, 0, 1]];
const cube = () => {
  const corners = [];
  for (const [k, u, v] of FACES) for (const s of [1, -1]) {
    const at = (a, b) => { const p = [0, 0, 0]; p[k] = s / 2; p[u] = a * s / 2; p[v] = b / 2; return p; };
    const n = [0, 0, 0];
    n[k] = s;
    for (const p of [at(-1, -1), at(1, -1), at(1, 1), at(-1, -1), at(1, 1), at(-1, 1)]) corners.push(...p, ...n);
  }
  return new Float32Array(corners);
};

export class Boxes {
  constructor(gl) {
    this.gl = gl;
    this.program = new Program(gl, BOX_V, BOX_F);
    const solid = filled(gl, cube());
    this.buffer = gl.createBuffer();
    this.list = arranged(gl, () => {
      this.program.attribute("place", solid, 3, { stride: 24 });
      this.program.attribute("normal", solid, 3, { stride: 24, offset: 12 });
      const place = this.program.attribute("model", this.buffer, 4, { stride: 80, divisor: 1 });
      for (let k = 1; k < 4; k++) {
        gl.enableVertexAttribArray(place + k);
        gl.vertexAttribPointer(place + k, 4, gl.FLOAT, false, 80, 16 * k);
        gl.vertexAttribDivisor(place + k, 1);
      }
      this.program.attribute("colour", this.buffer, 4, { stride: 80, offset: 64, divisor: 1 });
    });
  }

  // rows: [model matrix with the size in it, rgba 0 to 1]
  draw(view, rows) {
    if (!rows.length) return;
    const gl = this.gl, all = new Float32Array(rows.length * 20);
    rows.forEach(([model, colour], k) => { all.set(model, 20 * k); all.set(colour, 20 * k + 16); });
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, all, gl.DYNAMIC_DRAW);
    this.program.use(view);
    gl.bindVertexArray(this.list);
    gl.drawArraysInstanced(gl.TRIANGLES, 0, 36, rows.length);
  }
}

export class Lines {
  constructor(gl) {
    this.gl = gl;
    this.program = new Program(gl, LINE_V, LINE_F);
    const corners = filled(gl, new Float32Array([0, -1, 1, -1, 1, 1, 0, -1, 1, 1, 0, 1]));
    this.buffer = gl.createBuffer();
    const each = { stride: 44, divisor: 1 };
    this.list = arranged(gl, () => {
      this.program.attribute("corner", corners, 2);
      this.program.attribute("begin", this.buffer, 3, { ...each });
      this.program.attribute("end", this.buffer, 3, { ...each, offset: 12 });
      this.program.attribute("colour", this.buffer, 4, { ...each, offset: 24 });
      this.program.attribute("width", this.buffer, 1, { ...each, offset: 40 });
    });
    this.rows = [];
  }

  add(begin, end, rgb, alpha, width) {
    this.rows.push(begin[0], begin[1], begin[2], end[0], end[1], end[2], rgb[0] / 255, rgb[1] / 255, rgb[2] / 255, alpha, width);
  }

  // what was added since the last time
  draw(view) {
    const gl = this.gl, count = this.rows.length / 11;
    if (count) {
      gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
      gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(this.rows), gl.DYNAMIC_DRAW);
      this.program.use(view);
      gl.uniform2f(this.program.at("window"), view.width / view.ratio, view.height / view.ratio);
      gl.bindVertexArray(this.list);
      gl.drawArraysInstanced(gl.TRIANGLES, 0, 6, count);
    }
    this.rows = [];
  }
}

export class Pictures {
  constructor(gl) {
    this.gl = gl;
    this.program = new Program(gl, PICTURE_V, PICTURE_F);
    this.buffer = gl.createBuffer();
    this.textures = new Map();
    this.list = arranged(gl, () => {
      this.program.attribute("place", this.buffer, 3, { stride: 20 });
      this.program.attribute("texel", this.buffer, 2, { stride: 20, offset: 12 });
    });
  }

  // net: rows of places, as `pictureNet` has them; key: whose texture it is
  draw(view, key, image, net) {
    const gl = this.gl;
    gl.activeTexture(gl.TEXTURE0);
    let held = this.textures.get(key);
    if (!held) this.textures.set(key, (held = { texture: gl.createTexture(), image: null }));
    gl.bindTexture(gl.TEXTURE_2D, held.texture);
    if (held.image !== image) {
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, image);
      for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
      gl.generateMipmap(gl.TEXTURE_2D);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
      held.image = image;
    }
    const down = net.length - 1, across = net[0].length - 1, rows = [];
    const corner = (row, column) => rows.push(...net[row][column], column / across, row / down);
    for (let row = 0; row < down; row++) for (let column = 0; column < across; column++) {
      for (const [y, x] of [[0, 0], [0, 1], [1, 1], [0, 0], [1, 1], [1, 0]]) corner(row + y, column + x);
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(rows), gl.DYNAMIC_DRAW);
    this.program.use(view);
    gl.uniform1i(this.program.at("picture"), 0);
    gl.bindVertexArray(this.list);
    gl.drawArrays(gl.TRIANGLES, 0, rows.length / 5);
  }
}
