/** All state machines. Each has a file with its declaration and a file with its definition. */
import { deliverToServer } from './deliver-to-server.ts';
import { registerServer } from './register-server.ts';
import { secureDomain } from './secure-domain.ts';

export const machines = [registerServer(), secureDomain(), deliverToServer()];
