// Vectors are arrays of 3, quaternions w, x, y, z, matrices 4 x 4 column by column, as WebGL wants them. z is up.

export const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
export const sub = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const add = (a, b, k = 1) => [a[0] + k * b[0], a[1] + k * b[1], a[2] + k * b[2]];
export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
export const norm = (a) => Math.hypot(a[0], a[1], a[2]);
export const unit = (a) => { const n = norm(a) || 1; return [a[0] / n, a[1] / n, a[2] / n]; };

export function multiply(a, b) {
  const out = new Float32Array(16);
  for (let c = 0; c < 4; c++) for (let r = 0; r < 4; r++) {
    out[4 * c + r] = a[r] * b[4 * c] + a[4 + r] * b[4 * c + 1] + a[8 + r] * b[4 * c + 2] + a[12 + r] * b[4 * c + 3];
  }
  return out;
}

export function fromPose(position, [w, x, y, z]) {
  return new Float32Array([
    1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w), 0,
    2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w), 0,
    2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y), 0,
    position[0], position[1], position[2], 1]);
}

export const fromRows = (rows) => new Float32Array(16).map((_, k) => rows[(k % 4) * 4 + (k >> 2)]);

export const axis = (m, k) => [m[4 * k], m[4 * k + 1], m[4 * k + 2]];

export const apply = (m, [x, y, z]) => [
  m[0] * x + m[4] * y + m[8] * z + m[12], m[1] * x + m[5] * y + m[9] * z + m[13], m[2] * x + m[6] * y + m[10] * z + m[14]];

// the inverse of a rotation with a translation
export function invertRigid(m) {
  const t = axis(m, 3);
  return new Float32Array([m[0], m[4], m[8], 0, m[1], m[5], m[9], 0, m[2], m[6], m[10], 0,
    -dot(axis(m, 0), t), -dot(axis(m, 1), t), -dot(axis(m, 2), t), 1]);
}

// how far the four sides of the view are from its axis, at distance 1
export function projection(left, right, bottom, top, near, far) {
  const w = right - left, h = top - bottom, d = far - near;
  return new Float32Array([2 / w, 0, 0, 0, 0, 2 / h, 0, 0,
    (right + left) / w, (top + bottom) / h, -(far + near) / d, -1, 0, 0, -2 * far * near / d, 0]);
}

// world from a camera that looks along its -z, y up
export function looking(eye, ahead, up) {
  const back = unit(ahead).map((v) => -v), right = unit(cross(up, back)), over = cross(back, right);
  return new Float32Array([...right, 0, ...over, 0, ...back, 0, ...eye, 1]);
}

export const headingOf = ([w, x, y, z]) => Math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z));

// distance along a ray at which it enters a box (matrix of its centre, full size), or Infinity
export function hitsBox(origin, ray, worldFromBox, size, room) {
  const inside = invertRigid(worldFromBox), o = apply(inside, origin), far = apply(inside, add(origin, ray));
  const d = sub(far, o);
  let enter = 0, leave = Infinity;
  for (let k = 0; k < 3; k++) {
    const half = size[k] / 2 + room, a = (-half - o[k]) / d[k], b = (half - o[k]) / d[k];
    enter = Math.max(enter, Math.min(a, b));
    leave = Math.min(leave, Math.max(a, b));
  }
  return enter <= leave ? enter : Infinity;
}
