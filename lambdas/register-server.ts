/** State RegisterServer of register-server. */
import { registerServer } from '../core/register-server/register-server.ts';
import { RegisterServer } from '../statemachines/register-server.ts';
import { clock, commands, executions, mailServerTag, roles, setting, store } from './environment.ts';

export const handler = RegisterServer.handler(event =>
  registerServer(event, {
    store: store(),
    commands: commands(),
    roles: roles(),
    executions: executions(),
    clock,
    tag: `${mailServerTag().key}=${mailServerTag().value}`,
    defaultRole: setting('MAIL_SERVER_ROLE'),
  }),
);
