/** STS: who a caller is. Nobody assumes a role over the wire here; `env --as` prints a role's credentials. */
import * as model from '@aws-sdk/client-sts';
import type { Service } from '../service/service.ts';

export const sts: Service = {
  name: 'sts',
  model,
  client: 'STSClient',
  operations: {
    GetCallerIdentity(_input, { caller, authorize }) {
      authorize('sts:GetCallerIdentity', '*');
      return { UserId: caller.userId, Account: caller.account, Arn: caller.arn };
    },
  },
};
