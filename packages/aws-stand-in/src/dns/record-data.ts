/**
 * Values of record sets, from the presentation format (RFC 1035 §5.1) to the format that dns2
 * encodes.
 */
import { Packet, type Resource } from 'dns2';

/** The length of a character-string is one octet (RFC 1035 §3.3). */
const MAX_CHARACTER_STRING = 255;

type Parse = (value: string) => Record<string, unknown>;

const PARSERS: Record<string, Parse> = {
  A: address => ({ address }),
  AAAA: address => ({ address }),
  NS: ns => ({ ns }),
  CNAME: domain => ({ domain }),
  TXT: value => ({ data: characterStrings(value).flatMap(split) }),
  MX: value => {
    const [priority, exchange] = value.split(/\s+/);
    return { priority: Number(priority), exchange };
  },
  CAA: value => {
    const [, flags, tag, text] = /^(\d+)\s+(\S+)\s+(.*)$/.exec(value) ?? [];
    return { flags: Number(flags), tag, value: characterStrings(text ?? '').join('') };
  },
  SOA: value => {
    const [primary, admin, serial, refresh, retry, expiration, minimum] = value.split(/\s+/);
    const numbers = { serial, refresh, retry, expiration, minimum };
    return {
      primary,
      admin,
      ...Object.fromEntries(Object.entries(numbers).map(([name, text]) => [name, Number(text)])),
    };
  },
};

export const RECORD_TYPES = Object.keys(PARSERS);

const NAME_OF_TYPE = new Map(
  Object.entries(Packet.TYPE as unknown as Record<string, number>).map(([name, number]) => [number, name]),
);

/** `16` → `TXT`; undefined for a type that this server has no records of. */
export function typeName(number: number): string | undefined {
  const name = NAME_OF_TYPE.get(number);
  return name !== undefined && name in PARSERS ? name : undefined;
}

export function resourceRecord(name: string, type: string, ttl: number, value: string): Resource {
  const types = Packet.TYPE as unknown as Record<string, number>;
  return { name, type: types[type], class: Packet.CLASS.IN, ttl, ...PARSERS[type]!(value) } as unknown as Resource;
}

/**
 * `"a" "b\"c"` → the strings with their escapes resolved: `\"`, `\\`, and `\ooo` in octal, as Route
 * 53 writes them. A bare word is one string.
 */
export function characterStrings(value: string): string[] {
  const quoted = [...value.matchAll(/"((?:\\.|[^"\\])*)"/gs)].map(([, text]) => text!);
  const strings = quoted.length > 0 ? quoted : [value];
  return strings.map(text =>
    text.replace(/\\([0-7]{3}|.)/gs, (_, escaped: string) =>
      escaped.length === 3 ? String.fromCharCode(Number.parseInt(escaped, 8)) : escaped,
    ),
  );
}

function split(text: string): Buffer[] {
  const bytes = Buffer.from(text, 'utf8');
  const pieces: Buffer[] = [];
  do pieces.push(bytes.subarray(pieces.length * MAX_CHARACTER_STRING, (pieces.length + 1) * MAX_CHARACTER_STRING));
  while (pieces.length * MAX_CHARACTER_STRING < bytes.length);
  return pieces;
}
