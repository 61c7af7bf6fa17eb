// Places for the services of a graph: a column for each layer, and in it an order in which few lines cross.

const COLUMN = 240;
const STEP = 64;
const NARROW = 22;
const SWEEPS = 6;
export const NODE = { width: 160, height: 46 };

/** Returns {nodes, lines, width, height}; a line is who needs whom, and the points that it goes through. */
export function layout({ layers, edges }) {
  const columns = layers.map((names) => names.map((name) => ({ name, after: [], before: [] })));
  const places = new Map(columns.flatMap((column, layer) => column.map((place) => [place.name, { place, layer }])));
  const lines = edges
    .filter((edge) => places.has(edge.from) && places.has(edge.to))
    .map((edge) => ({ ...edge, through: thread(columns, places.get(edge.to), places.get(edge.from)) }));
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forth = sweep % 2 === 0;
    for (const column of forth ? columns : [...columns].reverse()) order(column, columns, forth ? "before" : "after");
  }
  return placed(columns, lines);
}

/** Connects two places by one place in each layer between them, so that no line runs through a service. */
function thread(columns, from, to) {
  const steps = [from.place];
  for (let layer = from.layer + 1; layer < to.layer; layer += 1) {
    const bend = { name: null, after: [], before: [] };
    columns[layer].push(bend);
    steps.push(bend);
  }
  steps.push(to.place);
  steps.slice(1).forEach((step, index) => {
    steps[index].after.push(step);
    step.before.push(steps[index]);
  });
  return steps;
}

/** Orders a column by where its neighbours stand in theirs. */
function order(column, columns, side) {
  const ranks = new Map(
    columns.flatMap((one) => one.map((place, index) => [place, index / Math.max(1, one.length - 1)])),
  );
  const wish = (place) =>
    place[side].length
      ? place[side].reduce((sum, one) => sum + ranks.get(one), 0) / place[side].length
      : ranks.get(place);
  const wishes = new Map(column.map((place) => [place, wish(place)]));
  column.sort((a, b) => wishes.get(a) - wishes.get(b));
}

function placed(columns, lines) {
  const heights = columns.map((column) => column.reduce((sum, place) => sum + (place.name ? STEP : NARROW), 0));
  const height = Math.max(STEP, ...heights);
  columns.forEach((column, layer) => {
    let y = (height - heights[layer]) / 2;
    for (const place of column) {
      const room = place.name ? STEP : NARROW;
      Object.assign(place, { x: layer * COLUMN, y: y + room / 2 });
      y += room;
    }
  });
  const nodes = columns.flat().filter((place) => place.name);
  return { nodes, lines, width: (columns.length - 1) * COLUMN + NODE.width, height };
}

/** Returns the path of a line, as a drawing has it. */
export function pathOf(through) {
  const start = through[0];
  let path = `M${start.x + NODE.width},${start.y}`;
  let x = start.x + NODE.width;
  let y = start.y;
  for (const step of through.slice(1)) {
    const middle = (x + step.x) / 2;
    path += `C${middle},${y} ${middle},${step.y} ${step.x},${step.y}`;
    x = step.x;
    y = step.y;
    if (!step.name) {
      x += NODE.width;
      path += `H${x}`;
    }
  }
  return path;
}
