import { contract } from './contract.suite.ts';

contract('postfix-dovecot-2.3-nginx');
