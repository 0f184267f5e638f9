/** The state machines. Each has a file of its name here, and the definition that `npm run generate` draws from it. */
import { deliverToServer } from './deliver-to-server.ts';
import { registerServer } from './register-server.ts';
import { secureDomain } from './secure-domain.ts';

export const machines = [registerServer(), secureDomain(), deliverToServer()];
