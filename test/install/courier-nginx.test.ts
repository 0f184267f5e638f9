import { contract } from './contract.suite.ts';

contract('courier-nginx');
