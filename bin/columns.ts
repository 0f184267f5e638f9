/** A table as text: each column is as wide as its widest cell. */
export function columns(heads: string[], lines: string[][]): string {
  const widths = heads.map((head, i) => Math.max(head.length, ...lines.map(line => line[i]!.length)));
  const write = (cells: string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd();
  return [write(heads), widths.map(width => '─'.repeat(width)).join('  '), ...lines.map(write)].join('\n');
}
