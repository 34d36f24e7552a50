// Lenses that bend straight lines: av_synth.geometry.lens again, for pages. Points are x / z and y / z, y down.
// A lens is { model, coefficients, reach }: within `reach` OpenCV's plain or fisheye model, beyond it a straight line.

const STEP = 1e-4, ROUNDS = 60, TANGENTIAL_ROUNDS = 30;

function radial({ model, coefficients: [a, b, c, d, e] }, r) {
  if (model === "fisheye") {
    const angle = Math.atan(r), q = angle * angle;
    return angle * (1 + q * (a + q * (b + q * (c + q * d))));
  }
  const q = r * r;
  return r * (1 + q * (a + q * (b + q * e)));
}

function carried(lens, r) {
  if (r <= lens.reach) return radial(lens, r);
  const last = radial(lens, lens.reach);
  return last + ((last - radial(lens, lens.reach - STEP)) / STEP) * (r - lens.reach);
}

function tangential({ model, coefficients: [, , p1, p2], reach }, x, y) {
  if (model === "fisheye") return [0, 0];
  const r = Math.hypot(x, y), k = r > reach ? reach / r : 1, u = k * x, v = k * y, q = u * u + v * v;
  return [2 * p1 * u * v + p2 * (q + 2 * u * u), p1 * (q + 2 * v * v) + 2 * p2 * u * v];
}

// where a pinhole's point is behind a lens; a pinhole is null
export function bent(lens, [x, y]) {
  if (!lens) return [x, y];
  const r = Math.hypot(x, y), k = r > 1e-12 ? carried(lens, r) / r : 1, [u, v] = tangential(lens, x, y);
  return [k * x + u, k * y + v];
}

// a pinhole's point of one in the picture: what `bent` takes there
export function straightened(lens, [x, y]) {
  if (!lens) return [x, y];
  let found = whereRadial(lens, x, y);
  for (let k = 0; lens.model !== "fisheye" && k < TANGENTIAL_ROUNDS; k++) {
    const [u, v] = tangential(lens, ...found);
    found = whereRadial(lens, x - u, y - v);
  }
  return found;
}

// halving is slow and never wrong, as `carried` rises everywhere
function whereRadial(lens, x, y) {
  const wanted = Math.hypot(x, y);
  if (wanted < 1e-12) return [x, y];
  let low = 0, high = lens.reach;
  while (carried(lens, high) < wanted && high < 1e6) high *= 2;
  for (let k = 0; k < ROUNDS; k++) {
    const middle = (low + high) / 2;
    if (carried(lens, middle) < wanted) low = middle; else high = middle;
  }
  return [(x * low) / wanted, (y * low) / wanted];
}
