export type Rgb = readonly [number, number, number];

/** Heights from low green land over yellow and brown to white. */
export const relief: readonly Rgb[] = [
  [70, 130, 90],
  [140, 175, 110],
  [215, 210, 150],
  [190, 150, 105],
  [150, 110, 85],
  [245, 245, 245],
];

/** Dark blue over green to yellow: even steps of brightness, also for those who do not tell red from green. */
export const evenRamp: readonly Rgb[] = [
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [94, 201, 98],
  [253, 231, 37],
];

export const grays: readonly Rgb[] = [
  [0, 0, 0],
  [255, 255, 255],
];

/** The colour at a place (0-1) of a ramp of evenly spaced colours. */
export function colorAt(ramp: readonly Rgb[], place: number): Rgb {
  const position = Math.min(1, Math.max(0, place)) * (ramp.length - 1);
  const index = Math.min(Math.floor(position), ramp.length - 2);
  const [low, high] = [ramp[index] ?? black, ramp[index + 1] ?? black];
  const part = position - index;
  return [mix(low[0], high[0], part), mix(low[1], high[1], part), mix(low[2], high[2], part)];
}

/** Colours of classes that have none: the golden angle keeps neighbours apart. */
export function classColor(index: number): Rgb {
  const hue = (index * 137.508) % 360;
  const channel = (shift: number) => {
    const k = (shift + hue / 30) % 12;
    return Math.round(255 * (0.55 - 0.3 * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

const black: Rgb = [0, 0, 0];

function mix(from: number, to: number, part: number): number {
  return from + (to - from) * part;
}
