/** Events about mail servers, as the state machine register-server reads them. */
import { parseHostName } from '../certificate/names.ts';
import type { Consent } from '../record/adoption.ts';
import type { Webmail } from '../record/delivery.ts';
import { serverDetail, serverRetirement } from './events-in.ts';
import { readEvent } from './read-event.ts';

export interface Registration {
  kind: 'registered';
  server: string;
  node: string;
  adopt: Consent;
  role?: string;
  webmail?: Webmail;
  leaveOut?: string[];
  servesByName?: false;
  at: number;
}

export interface Retirement {
  kind: 'retired';
  server: string;
  /** The node that is retired. Without a node, the server is retired whatever its node is. */
  node?: string;
  at: number;
}

/**
 * @param event the EventBridge envelope of Mail Server Registered, Changed or Retired
 * @throws SealpostError InvalidStepInput
 */
export function parseServerEvent(event: unknown, now = Infinity): Registration | Retirement {
  const { detailType, at, detail } = readEvent(event, now);
  if (detailType === 'Mail Server Retired') {
    const { server, node } = detail(serverRetirement);
    const name = parseHostName(server, { field: 'detail.server', isLeaving: true });
    return { kind: 'retired', server: name, ...(node && { node }), at };
  }
  const { server, node, adopt = false, role, webmail, leaveOut, servesByName } = detail(serverDetail);
  return {
    ...{ kind: 'registered', server: parseHostName(server, { field: 'detail.server' }), node, adopt, at },
    ...(role && { role }),
    ...(webmail && { webmail }),
    ...(leaveOut && { leaveOut }),
    ...(servesByName === false && { servesByName }),
  };
}
