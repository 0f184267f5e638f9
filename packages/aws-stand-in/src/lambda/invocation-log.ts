/** What one process of a function prints, with the lines that Lambda puts around each invocation. */
import type { LogLine } from '../logs/logs.ts';

export interface Report {
  status: string;
  durationMs: number;
  memoryMb: number;
  usedMb: number;
  /** Given for the first invocation of a process. */
  startMs: number | undefined;
}

/** Lambda's limit of what `LogType: Tail` gives, in bytes. */
const TAIL = 4096;

export class InvocationLog {
  private readonly json: boolean;
  private readonly platform: boolean;
  private readonly write: (lines: LogLine[]) => void;
  private readonly rest = { stdout: '', stderr: '' };
  private readonly decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  private lines: string[] = [];

  /** `platform`: whether the START and REPORT lines are wanted (SystemLogLevel INFO). */
  constructor(format: { json: boolean; platform: boolean }, write: (lines: LogLine[]) => void) {
    this.json = format.json;
    this.platform = format.platform;
    this.write = write;
  }

  begin(requestId: string): void {
    this.lines = [];
    if (this.json) this.event('platform.start', { requestId, version: '$LATEST' });
    else this.note(`START RequestId: ${requestId} Version: $LATEST`);
  }

  end(requestId: string, { status, durationMs, memoryMb, usedMb, startMs }: Report): void {
    this.flush();
    const billed = Math.ceil(durationMs + (startMs ?? 0));
    if (this.json) {
      const metrics = {
        durationMs: round(durationMs),
        billedDurationMs: billed,
        memorySizeMB: memoryMb,
        maxMemoryUsedMB: usedMb,
        initDurationMs: startMs && round(startMs),
      };
      this.event('platform.report', { requestId, status, metrics });
      return;
    }
    const fields = [
      `REPORT RequestId: ${requestId}`,
      `Duration: ${round(durationMs)} ms`,
      `Billed Duration: ${billed} ms`,
      `Memory Size: ${memoryMb} MB`,
      `Max Memory Used: ${usedMb} MB`,
      ...(startMs === undefined ? [] : [`Init Duration: ${round(startMs)} ms`]),
      ...(status === 'success' ? [] : [`Status: ${status}`]),
    ];
    this.say(`END RequestId: ${requestId}`, fields.join('\t'));
  }

  printed(stream: 'stdout' | 'stderr', data: Uint8Array): void {
    const parts = (this.rest[stream] + this.decoders[stream].decode(data, { stream: true })).split('\n');
    this.rest[stream] = parts.pop()!;
    // One call of console is one record, whose line breaks travel as carriage returns.
    this.say(...parts.map(part => part.replaceAll('\r', '\n')));
  }

  /** A line of Lambda's own, which its JSON format says in the report instead. */
  note(message: string): void {
    if (!this.json) this.say(message);
  }

  private say(...messages: string[]): void {
    const timestamp = Date.now();
    this.lines.push(...messages);
    this.write(messages.map(message => ({ timestamp, message })));
  }

  /** Keeps what was printed without a line's end. */
  flush(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.rest[stream]) this.say(this.rest[stream]);
      this.rest[stream] = '';
    }
  }

  tail(): string {
    return Buffer.from(this.lines.map(line => `${line}\n`).join(''))
      .subarray(-TAIL)
      .toString();
  }

  private event(type: string, record: object): void {
    if (this.platform) this.say(JSON.stringify({ time: new Date().toISOString(), type, record }));
  }
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
