// The plan of the house: the two tables of ARCHITECTURE.md, read so that the page and the check cannot differ.

export type Room = {
  readonly name: string;
  readonly floor: number;
  /** `below` = every lower floor of `src/`. */
  readonly below: boolean;
  /** Rooms named in the row. */
  readonly also: readonly string[];
};

export type Door = {
  readonly module: string;
  /** Value names that everybody may import. */
  readonly free: readonly string[];
  /** Rooms, `room/file.ts`, or `*-store.ts`. */
  readonly onlyIn: readonly string[];
};

export type Plan = { readonly rooms: ReadonlyMap<string, Room>; readonly doors: readonly Door[] };

export function readPlan(markdown: string): Plan {
  const rooms = new Map<string, Room>();
  for (const [name, floor, , may] of tableRows(markdown, '| room |')) {
    const room = { name: quoted(name)[0] ?? '', floor: Number(floor), below: /^below/.test(may ?? '') };
    if (!Number.isInteger(room.floor) || room.name === '' || !/^(nothing$|only |below)/.test(may ?? '')) {
      throw new Error(`ARCHITECTURE.md: cannot read the floor table's row of ${name}`);
    }
    rooms.set(room.name, { ...room, also: quoted(may) });
  }
  const doors = tableRows(markdown, '| import |').map(([what = '', where]) => {
    const [module = '', ...free] = quoted(what);
    return { module, free, onlyIn: quoted(where) };
  });
  if (rooms.size === 0 || doors.length === 0)
    throw new Error('ARCHITECTURE.md: a table of the house is missing');
  return { rooms, doors };
}

/** Does the row of `from` allow an import of `to`? Null = yes, else the reason. */
export function refusal(plan: Plan, from: string, to: string): string | null {
  const [source, target] = [plan.rooms.get(from), plan.rooms.get(to)];
  if (source === undefined) return `${from} has no row in the floor table of ARCHITECTURE.md`;
  if (target === undefined) return `${to} has no row in the floor table of ARCHITECTURE.md`;
  if (from === to || source.also.includes(to)) return null;
  const isBelow = target.floor < source.floor && !to.endsWith('/');
  if (source.below && isBelow) return null;
  if (target.floor === source.floor) return `${from} and ${to} stand on one floor and do not know each other`;
  if (target.floor > source.floor)
    return `upward: ${from} (floor ${source.floor}) imports ${to} (${target.floor})`;
  return `${from} may import ${source.below ? 'below' : 'only'} ${source.also.join(', ') || 'nothing'}, not ${to}`;
}

function tableRows(markdown: string, head: string): string[][] {
  const lines = markdown.split('\n');
  const start = lines.findIndex((line) => line.startsWith(head));
  if (start === -1) return [];
  const rows: string[][] = [];
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith('|')) break;
    rows.push(
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  }
  return rows;
}

function quoted(cell: string | undefined): string[] {
  return [...(cell ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
}
