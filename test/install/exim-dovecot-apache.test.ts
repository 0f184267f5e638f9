import { contract } from './contract.suite.ts';

contract('exim-dovecot-apache');
