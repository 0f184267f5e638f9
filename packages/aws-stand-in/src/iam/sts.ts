/**
 * STS answers who a caller is. No role can be assumed over the wire: `StandIn.iam.credentials`
 * gives a role's credentials.
 */
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
