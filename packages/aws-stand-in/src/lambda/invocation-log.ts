/**
 * The output of one process of a function, with the lines that Lambda writes around each
 * invocation.
 */
import type { LogLine } from '../logs/logs.ts';

export interface Report {
  status: string;
  durationMs: number;
  memoryMb: number;
  usedMb: number;
  /** Present for the first invocation of a process. */
  startMs: number | undefined;
}

/** The limit of `LogType: Tail` on Lambda, in bytes. */
const TAIL = 4096;

export class InvocationLog {
  private readonly write: (lines: LogLine[]) => void;
  private readonly rest = { stdout: '', stderr: '' };
  private readonly decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  private lines: string[] = [];

  constructor(write: (lines: LogLine[]) => void) {
    this.write = write;
  }

  begin(requestId: string): void {
    this.lines = [];
    this.note(`START RequestId: ${requestId} Version: $LATEST`);
  }

  end(requestId: string, { status, durationMs, memoryMb, usedMb, startMs }: Report): void {
    this.flush();
    const billed = Math.ceil(durationMs + (startMs ?? 0));
    const fields = [
      `REPORT RequestId: ${requestId}`,
      `Duration: ${round(durationMs)} ms`,
      `Billed Duration: ${billed} ms`,
      `Memory Size: ${memoryMb} MB`,
      `Max Memory Used: ${usedMb} MB`,
      ...(startMs === undefined ? [] : [`Init Duration: ${round(startMs)} ms`]),
      ...(status === 'success' ? [] : [`Status: ${status}`]),
    ];
    this.note(`END RequestId: ${requestId}`, fields.join('\t'));
  }

  printed(stream: 'stdout' | 'stderr', data: Uint8Array): void {
    const parts = (this.rest[stream] + this.decoders[stream].decode(data, { stream: true })).split('\n');
    this.rest[stream] = parts.pop()!;
    // One call of console is one record. Its line breaks travel as carriage returns.
    this.note(...parts.map(part => part.replaceAll('\r', '\n')));
  }

  note(...messages: string[]): void {
    const timestamp = Date.now();
    this.lines.push(...messages);
    this.write(messages.map(message => ({ timestamp, message })));
  }

  /** Stores output that has no line end yet. */
  flush(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.rest[stream]) this.note(this.rest[stream]);
      this.rest[stream] = '';
    }
  }

  tail(): string {
    return Buffer.from(this.lines.map(line => `${line}\n`).join(''))
      .subarray(-TAIL)
      .toString();
  }
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
