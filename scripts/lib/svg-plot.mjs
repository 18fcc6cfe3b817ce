/** A line plot as SVG text: a logarithmic axis of sizes, a linear one of values, a few series. */

const WIDTH = 640;
const HEIGHT = 360;
const MARGIN = { left: 56, right: 16, top: 40, bottom: 44 };
/** Told apart also without colours (Okabe and Ito 2008). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00'];

const escaped = (text) => text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const text = (x, y, words, more = '') => `<text x="${x}" y="${y}" ${more}>${escaped(words)}</text>`;

/** A round number of about `most` ÷ 5. */
function stepOf(most) {
  const power = 10 ** Math.floor(Math.log10(most / 5));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= most / 5);
}

/**
 * @param {{ title: string, yTitle: string,
 *   series: { name: string, dashed?: boolean, points: [size: number, value: number][] }[] }} plot
 */
export function linePlot({ title, yTitle, series }) {
  const points = series.flatMap((each) => each.points);
  const sizes = [...new Set(points.map(([size]) => size))].sort((a, b) => a - b);
  const most = Math.max(...points.map(([, value]) => value), Number.MIN_VALUE);
  const step = stepOf(most);
  const top = Math.ceil(most / step) * step;
  const logs = sizes.map((size) => Math.log10(size));
  const span = Math.max(logs.at(-1) - logs[0], 0.1);
  const round = (value) => Math.round(value * 10) / 10;
  const x = (size) =>
    round(
      MARGIN.left + ((Math.log10(size) - logs[0]) / span) * (WIDTH - MARGIN.left - MARGIN.right),
    );
  const y = (value) =>
    round(HEIGHT - MARGIN.bottom - (value / top) * (HEIGHT - MARGIN.top - MARGIN.bottom));

  const parts = [text(MARGIN.left, 20, title, 'font-size="15" font-weight="bold"')];
  for (let i = 0; i * step <= top + step / 2; i++) {
    const value = Number((i * step).toPrecision(6));
    const line = `x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(value)}" y2="${y(value)}"`;
    parts.push(`<line ${line} stroke="#ddd"/>`);
    parts.push(
      text(MARGIN.left - 6, y(value) + 4, value.toLocaleString('en'), 'text-anchor="end"'),
    );
  }
  for (const size of sizes) {
    parts.push(text(x(size), HEIGHT - 24, size.toLocaleString('en'), 'text-anchor="middle"'));
  }
  parts.push(text(WIDTH / 2, HEIGHT - 6, 'tabs', 'text-anchor="middle"'));
  parts.push(text(8, MARGIN.top - 8, yTitle));
  for (const [i, { name, dashed, points: own }] of series.entries()) {
    const colour = COLOURS[i % COLOURS.length];
    const way = own.map(([size, value]) => `${x(size)},${y(value)}`).join(' ');
    const dash = dashed ? ' stroke-dasharray="5 4"' : '';
    parts.push(
      `<polyline points="${way}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`,
    );
    for (const [size, value] of own) {
      parts.push(`<circle cx="${x(size)}" cy="${y(value)}" r="3" fill="${colour}"/>`);
    }
    const at = MARGIN.top + 8 + 16 * i;
    parts.push(text(MARGIN.left + 10, at, name, `fill="${colour}"`));
  }
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">`;
  const ground = `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`;
  const name = `<title>${escaped(title)}</title>`;
  return `${[head, name, ground, ...parts].join('\n')}\n</svg>\n`;
}
