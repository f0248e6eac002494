// The pixels that a network sees of a picture, as fit.py and Pillow make them: bit for bit.

const BOX = 20 / 28; // Of the field, for the ink.
const INK = Math.fround(0.6); // Of the strongest; see fit.py.
const PRECISION = 22; // Bits of Pillow's weights for bytes.

// What is wrong with a picture, in a sentence.
class Unfit extends Error {}

// As Python rounds: halves to the even number.
function rint(x) {
  const low = Math.floor(x);
  const over = x - low;
  return over < 0.5 || (over === 0.5 && low % 2 === 0) ? low : low + 1;
}

// An image is { width, height, channels, data }: rows of pixels of channels.
function image(width, height, channels, data) {
  return { width, height, channels, data };
}

// From what a canvas has, four bytes a pixel; gray as Pillow makes it.
function ofCanvas({ width, height, data }, channels) {
  const pixels = new Uint8Array(width * height * channels);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    const [r, g, b] = [data[from], data[from + 1], data[from + 2]];
    if (channels === 1) pixels[to++] = (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16;
    else ((pixels[to++] = r), (pixels[to++] = g), (pixels[to++] = b));
  }
  return image(width, height, channels, pixels);
}

// As `predict` decodes a large JPEG at a half to an eighth, of which `enough` pixels a side suffice.
function reduced(picture, enough) {
  const { width, height, channels, data } = picture;
  const most = Math.min(Math.floor(width / enough), Math.floor(height / enough));
  const step = [8, 4, 2].find((one) => one <= most);
  if (!step) return picture;
  const [w, h] = [Math.ceil(width / step), Math.ceil(height / step)];
  const made = new Uint8Array(w * h * channels).map((_, n) => {
    const [c, x, y] = [n % channels, Math.floor(n / channels) % w, Math.floor(n / channels / w)];
    let sum = 0;
    for (let k = 0; k < step * step; k++) {
      const column = Math.min(x * step + (k % step), width - 1);
      const row = Math.min(y * step + Math.floor(k / step), height - 1);
      sum += data[(row * width + column) * channels + c];
    }
    return rint(sum / step ** 2);
  });
  return image(w, h, channels, made);
}

function bicubic(x) {
  x = Math.abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

// For each place of a side, where the pixels begin that it is made of, and their weights.
function weights(from, to, inBytes) {
  const scale = from / to;
  const wide = Math.max(scale, 1);
  return Array.from({ length: to }, (_, place) => {
    const center = (place + 0.5) * scale;
    const start = Math.max(Math.trunc(center - 2 * wide + 0.5), 0);
    const end = Math.min(Math.trunc(center + 2 * wide + 0.5), from);
    const all = [];
    for (let x = start; x < end; x++) all.push(bicubic((x - center + 0.5) * (1 / wide)));
    const sum = all.reduce((a, b) => a + b, 0);
    const own = all.map((weight) => (sum ? weight / sum : weight));
    const whole = (weight) => Math.trunc((weight < 0 ? -0.5 : 0.5) + weight * 2 ** PRECISION);
    return [start, inBytes ? own.map(whole) : own];
  });
}

// Pillow's: all rows first, then all columns.
function resize(picture, width, height) {
  const { channels } = picture;
  const inBytes = picture.data instanceof Uint8Array;
  const once = (from, side, to, steps, lines, next) => {
    const data = new from.constructor(steps.line ? to * lines * channels : 0);
    const table = weights(side, to, inBytes);
    for (let line = 0; line < lines; line++) {
      for (let place = 0; place < to; place++) {
        const [start, own] = table[place];
        for (let c = 0; c < channels; c++) {
          let at = line * steps.line + start * steps.pixel + c;
          let sum = inBytes ? 2 ** (PRECISION - 1) : 0;
          for (const weight of own) ((sum += from[at] * weight), (at += steps.pixel));
          if (inBytes) sum = Math.min(Math.max(sum >> PRECISION, 0), 255);
          data[next(line, place) * channels + c] = sum;
        }
      }
    }
    return data;
  };
  let { data } = picture;
  if (width !== picture.width) {
    const steps = { line: picture.width * channels, pixel: channels };
    data = once(data, picture.width, width, steps, picture.height, (y, x) => y * width + x);
  }
  if (height !== picture.height) {
    const steps = { line: channels, pixel: width * channels };
    data = once(data, picture.height, height, steps, width, (x, y) => y * width + x);
  }
  return image(width, height, channels, data);
}

// The median of the outermost pixels of a channel; corners count twice if they are asked to.
function border({ width, height, channels, data }, channel, corners) {
  const found = [];
  const add = (x, y) => found.push(data[(y * width + x) * channels + channel]);
  for (let x = 0; x < width; x++) (add(x, 0), add(x, height - 1));
  for (let y = corners ? 0 : 1; y < height - (corners ? 0 : 1); y++) {
    (add(0, y), add(width - 1, y));
  }
  found.sort((a, b) => a - b);
  const half = found.length >> 1;
  return found.length % 2 ? found[half] : (found[half - 1] + found[half]) / 2;
}

function whole(picture, height, width) {
  const { channels } = picture;
  const scale = Math.min(height / picture.height, width / picture.width);
  const high = Math.min(height, Math.max(1, rint(picture.height * scale)));
  const wide = Math.min(width, Math.max(1, rint(picture.width * scale)));
  const made = resize(picture, wide, high).data;
  const paper = Array.from({ length: channels }, (_, c) =>
    Math.trunc(border(picture, c, false)),
  );
  const data = new Uint8Array(width * height * channels).map((_, n) => paper[n % channels]);
  const [left, top] = [(width - wide) >> 1, (height - high) >> 1];
  for (let y = 0; y < high; y++) {
    const line = made.subarray(y * wide * channels, (y + 1) * wide * channels);
    data.set(line, ((top + y) * width + left) * channels);
  }
  return image(width, height, channels, data);
}

// NumPy's sum of float32: of eight at once, and of halves where there are many.
function sum(values) {
  const n = values.length;
  if (n > 128) {
    const half = (n >> 1) - ((n >> 1) % 8);
    return Math.fround(sum(values.subarray(0, half)) + sum(values.subarray(half)));
  }
  const part = new Float32Array(8);
  let place = 0;
  for (; n >= 8 && place < n - (n % 8); place++) part[place % 8] += values[place];
  const two = (a) => Math.fround(part[a] + part[a + 1]);
  const four = (a) => Math.fround(two(a) + two(a + 2));
  let all = Math.fround(four(0) + four(4));
  for (; place < n; place++) all = Math.fround(all + values[place]);
  return all;
}

// Where a box of such sums of its lines begins, inside a field.
function start(mass, side) {
  let moment = 0;
  mass.forEach((value, n) => (moment += n * value));
  const place = rint(side / 2 - moment / sum(mass));
  return Math.min(Math.max(place, 0), side - mass.length);
}

function centered({ width, height, data }, fieldHeight, fieldWidth) {
  const paper = border(image(width, height, 1, data), 0, true);
  const ink = Float32Array.from(data, (value) => value - paper);
  const peak = ink.reduce((a, b) => Math.max(a, b), -Infinity);
  if (peak < 1) {
    throw new Unfit(
      "There is no ink that is lighter than the border. Is the picture empty, or light and " +
        "dark to be exchanged?",
    );
  }
  const least = Math.fround(INK * Math.fround(peak));
  let [top, bottom, left, right] = [height, -1, width, -1];
  ink.forEach((value, n) => {
    if (value < least) return;
    const [x, y] = [n % width, Math.floor(n / width)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    [left, right] = [Math.min(left, x), Math.max(right, x)];
  });
  const [wide, high] = [right - left + 1, bottom - top + 1];
  const cropped = new Float32Array(wide * high).map((_, n) =>
    Math.max(0, ink[(top + Math.floor(n / wide)) * width + left + (n % wide)]),
  );
  const scale = Math.min((BOX * fieldHeight) / high, (BOX * fieldWidth) / wide);
  const [w, h] = [wide, high].map((side) => Math.max(1, rint(scale * side)));
  const box = resize(image(wide, high, 1, cropped), w, h).data;
  const most = box.reduce((a, b) => Math.max(a, b), -Infinity);
  box.forEach((value, n) => (box[n] = Math.min(Math.max(Math.fround(value / most), 0), 1)));
  const rows = new Float32Array(h).map((_, y) => sum(box.subarray(y * w, (y + 1) * w)));
  const columns = new Float32Array(w);
  box.forEach((value, n) => (columns[n % w] += value));
  const [y, x] = [start(rows, fieldHeight), start(columns, fieldWidth)];
  const field = new Uint8Array(fieldWidth * fieldHeight);
  box.forEach((value, n) => {
    const at = (y + Math.floor(n / w)) * fieldWidth + x + (n % w);
    field[at] = rint(Math.fround(value * 255));
  });
  return image(fieldWidth, fieldHeight, 1, field);
}

// As fit.fit: returns { pixels, inverted }, pixels being an image of the network's shape.
function fit(picture, [height, width, channels], invert, how) {
  const isFit = picture.width === width && picture.height === height;
  if (!how && channels === 1 && !isFit) {
    throw new Unfit("Choose what of a picture to take: the model's file does not say it.");
  }
  const cropsInk = how === "ink" && channels === 1 && !isFit;
  const hasLightBorder = () => {
    let [least, most] = [255, 0];
    for (const value of picture.data) {
      [least, most] = [Math.min(least, value), Math.max(most, value)];
    }
    return border(picture, 0, true) > (least + most) / 2;
  };
  const inverted = invert === "yes" || (invert === "auto" && cropsInk && hasLightBorder());
  if (inverted) picture = { ...picture, data: picture.data.map((value) => 255 - value) };
  if (cropsInk) return { pixels: centered(picture, height, width), inverted };
  return { pixels: isFit ? picture : whole(picture, height, width), inverted };
}
