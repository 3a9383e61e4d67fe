// A baseline JPEG encoder (ITU-T T.81, sequential DCT, three components, no subsampling): enough to make a real
// photograph-like file in code, so that no binary is committed and every byte of it is accounted for.

export type Rgb = readonly [red: number, green: number, blue: number];

export type Picture = {
  readonly width: number;
  readonly height: number;
  readonly colourAt: (x: number, y: number) => Rgb;
};

// T.81 annex K.1: the quantisation the standard found good, at the level that most software calls quality 50.
const luminanceSteps = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22,
  29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103,
  121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
const chrominanceSteps = [
  17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];
// The order in which a block's coefficients are sent: position k of the stream is place zigzag[k] of the block.
const zigzag = [
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46,
  53, 60, 61, 54, 47, 55, 62, 63,
];

type HuffmanTable = { readonly counts: readonly number[]; readonly symbols: readonly number[] };

// DC: category 0..11, the lengths of T.81 table K.3. One table for all components keeps the file small and valid.
const dcTable: HuffmanTable = {
  counts: [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0],
  symbols: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
};
// AC: the table need not be the standard's. All 162 (run, size) symbols, the commonest first: 2 codes of 3 bits,
// 5 of 4, 6 of 5, 6 of 6, 143 of 10; no code is all ones, as T.81 C.2 demands.
const acTable: HuffmanTable = {
  counts: [0, 0, 2, 5, 6, 6, 0, 0, 0, 143, 0, 0, 0, 0, 0, 0],
  symbols: acSymbolsByLikelihood(),
};

/** The file's bytes; `segments` (APP1 ...) stand directly after the start marker, where readers look for EXIF. */
export function encodeJpeg(picture: Picture, segments: readonly Buffer[] = []): Buffer {
  const { width, height } = picture;
  const frame = [8, height >> 8, height & 255, width >> 8, width & 255, 3];
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    ...segments,
    segment(0xdb, [0, ...zigzag.map((place) => luminanceSteps[place] ?? 1)]),
    segment(0xdb, [1, ...zigzag.map((place) => chrominanceSteps[place] ?? 1)]),
    segment(0xc0, [...frame, 1, 0x11, 0, 2, 0x11, 1, 3, 0x11, 1]),
    segment(0xc4, [0x00, ...dcTable.counts, ...dcTable.symbols]),
    segment(0xc4, [0x10, ...acTable.counts, ...acTable.symbols]),
    segment(0xda, [3, 1, 0, 2, 0, 3, 0, 0, 63, 0]),
    scan(picture),
    Buffer.from([0xff, 0xd9]),
  ]);
}

/** A marker segment: the marker, the length (which counts itself), the content. */
export function segment(marker: number, content: readonly number[] | Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(content.length + 2, 2);
  return Buffer.concat([head, Buffer.from(content)]);
}

function scan(picture: Picture): Buffer {
  const bits = bitWriter();
  const dc = codesOf(dcTable);
  const ac = codesOf(acTable);
  const previous = [0, 0, 0];
  for (let top = 0; top < picture.height; top += 8) {
    for (let left = 0; left < picture.width; left += 8) {
      const planes = blockOf(picture, left, top);
      for (const [component, samples] of planes.entries()) {
        const coefficients = quantise(samples, component === 0 ? luminanceSteps : chrominanceSteps);
        writeBlock({ bits, dc, ac, coefficients, previousDc: previous[component] ?? 0 });
        previous[component] = coefficients[0] ?? 0;
      }
    }
  }
  return bits.finish();
}

type BlockToWrite = {
  readonly bits: BitWriter;
  readonly dc: Codes;
  readonly ac: Codes;
  readonly coefficients: readonly number[];
  readonly previousDc: number;
};

function writeBlock({ bits, dc, ac, coefficients, previousDc }: BlockToWrite): void {
  writeValue(bits, dc, 0, (coefficients[0] ?? 0) - previousDc);
  let run = 0;
  for (let k = 1; k < 64; k += 1) {
    const value = coefficients[k] ?? 0;
    if (value === 0) {
      run += 1;
      continue;
    }
    for (; run > 15; run -= 16) bits.write(ac.get(0xf0));
    writeValue(bits, ac, run, value);
    run = 0;
  }
  if (run > 0) bits.write(ac.get(0x00));
}

/** The code of (run, category), then the value in so many bits; negative ones as ones' complement (T.81 F.1.2). */
function writeValue(bits: BitWriter, codes: Codes, run: number, value: number): void {
  const category = value === 0 ? 0 : 32 - Math.clz32(Math.abs(value));
  bits.write(codes.get((run << 4) | category));
  if (category > 0) bits.write([value < 0 ? value + (1 << category) - 1 : value, category]);
}

/** Three 8x8 planes, YCbCr as full-range Rec. 601, centred on zero; the last column and row are repeated beyond the edge. */
function blockOf(picture: Picture, left: number, top: number): readonly number[][] {
  const planes: number[][] = [[], [], []];
  for (let i = 0; i < 64; i += 1) {
    const x = Math.min(left + (i & 7), picture.width - 1);
    const y = Math.min(top + (i >> 3), picture.height - 1);
    const [r, g, b] = picture.colourAt(x, y);
    planes[0]?.push(0.299 * r + 0.587 * g + 0.114 * b - 128);
    planes[1]?.push(-0.168736 * r - 0.331264 * g + 0.5 * b);
    planes[2]?.push(0.5 * r - 0.418688 * g - 0.081312 * b);
  }
  return planes;
}

const cosines = Array.from({ length: 64 }, (_, i) => {
  const [frequency, place] = [i >> 3, i & 7];
  const scale = frequency === 0 ? Math.SQRT1_2 / 2 : 1 / 2;
  return scale * Math.cos(((2 * place + 1) * frequency * Math.PI) / 16);
});

/** Forward DCT (rows, then columns), division by the step, in the order of the stream. */
function quantise(samples: readonly number[], steps: readonly number[]): number[] {
  const transformed = transformRows(transformRows(samples));
  return zigzag.map((place) => Math.round((transformed[place] ?? 0) / (steps[place] ?? 1)));
}

/** One-dimensional DCT of each row, written as a column, so that applying it twice is the two-dimensional one. */
function transformRows(block: readonly number[]): number[] {
  const result = new Array<number>(64).fill(0);
  for (let row = 0; row < 8; row += 1) {
    for (let frequency = 0; frequency < 8; frequency += 1) {
      let sum = 0;
      for (let k = 0; k < 8; k += 1) sum += (block[row * 8 + k] ?? 0) * (cosines[frequency * 8 + k] ?? 0);
      result[frequency * 8 + row] = sum;
    }
  }
  return result;
}

type Code = readonly [bits: number, length: number];
type Codes = { readonly get: (symbol: number) => Code };

/** Canonical codes: counted upwards within a length, doubled from one length to the next (T.81 C.2). */
function codesOf({ counts, symbols }: HuffmanTable): Codes {
  const codes = new Map<number, Code>();
  let code = 0;
  let next = 0;
  for (const [index, count] of counts.entries()) {
    for (let i = 0; i < count; i += 1) codes.set(symbols[next++] ?? 0, [code++, index + 1]);
    code <<= 1;
  }
  return {
    get: (symbol) => {
      const found = codes.get(symbol);
      if (found === undefined) throw new Error(`no Huffman code for symbol ${symbol}`);
      return found;
    },
  };
}

function acSymbolsByLikelihood(): number[] {
  const symbols = [0x00, 0xf0];
  for (let run = 0; run < 16; run += 1) {
    for (let size = 1; size <= 10; size += 1) symbols.push((run << 4) | size);
  }
  const weight = (symbol: number) => (symbol === 0 ? 0 : (symbol >> 4) + 2 * (symbol & 15));
  return symbols.sort((a, b) => weight(a) - weight(b));
}

type BitWriter = { readonly write: (code: Code) => void; readonly finish: () => Buffer };

function bitWriter(): BitWriter {
  const bytes: number[] = [];
  let held = 0;
  let heldBits = 0;
  const write = ([bits, length]: Code) => {
    for (let i = length - 1; i >= 0; i -= 1) {
      held = (held << 1) | ((bits >> i) & 1);
      heldBits += 1;
      if (heldBits < 8) continue;
      bytes.push(held);
      // A data byte 0xFF would read as a marker; a zero after it says that it is none.
      if (held === 0xff) bytes.push(0);
      held = 0;
      heldBits = 0;
    }
  };
  return {
    write,
    finish: () => {
      if (heldBits > 0) write([0xff, 8 - heldBits]);
      return Buffer.from(bytes);
    },
  };
}
