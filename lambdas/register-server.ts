/** State RegisterServer of register-server. */
import { domainItems } from '../aws/domain-items.ts';
import { serverItems } from '../aws/server-items.ts';
import { waitingItems } from '../aws/waiting-items.ts';
import { workItems } from '../aws/work-items.ts';
import { registerServer } from '../core/register-server/register-server.ts';
import { RegisterServer } from '../statemachines/register-server.ts';
import { clock, commands, executions, mailServerTag, roles, setting, storeOf } from './environment.ts';

export const handler = RegisterServer.handler(event =>
  registerServer(event, {
    store: storeOf(domainItems, serverItems, workItems, waitingItems),
    commands: commands(),
    roles: roles(),
    executions: executions(),
    clock,
    tag: `${mailServerTag().key}=${mailServerTag().value}`,
    defaultRole: setting('MAIL_SERVER_ROLE'),
  }),
);
