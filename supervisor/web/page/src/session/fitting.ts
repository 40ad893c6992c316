/** How a terminal's rows and columns go into a place on the screen. All lengths are CSS pixels. */

export interface Area {
  width: number;
  height: number;
}

export interface Size {
  rows: number;
  columns: number;
}

export const SMALLEST_FONT = 8; // below that it is scrolled instead
const LEAST: Size = { rows: 4, columns: 20 }; // less is no terminal; a phone on its side, with its keyboard, has 5 rows
const MOST: Size = { rows: 400, columns: 600 };

/** The rows and columns of characters that fit. */
export function fitting(area: Area, cell: Area): Size | null {
  if (!(cell.width > 0 && cell.height > 0 && area.width > 0 && area.height > 0)) return null;
  return {
    rows: clamp(Math.floor(area.height / cell.height), LEAST.rows, MOST.rows),
    columns: clamp(Math.floor(area.width / cell.width), LEAST.columns, MOST.columns),
  };
}

/** The font size at which `size` fits, at most `font`, at which a character has the size of `cell`. */
export function scaled(size: Size, area: Area, cell: Area, font: number): number {
  const wanted = Math.min(area.width / (size.columns * cell.width), area.height / (size.rows * cell.height));
  // In halves of a pixel, downwards: the widths of characters are rounded.
  return clamp(Math.floor(wanted * font * 2) / 2, SMALLEST_FONT, font);
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
