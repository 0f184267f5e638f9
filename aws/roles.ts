/** IAM: a role's unique id, and who may assume the role. */
import { GetRoleCommand, IAMClient, NoSuchEntityException } from '@aws-sdk/client-iam';
import { unlessBusy } from './throttling.ts';
import type { Roles } from '../core/ports/roles.ts';

interface Statement {
  Effect: string;
  Principal?: string | Record<string, string | string[]>;
}

export function roles(client: IAMClient): Roles {
  return {
    async role(name) {
      const answer = await unlessBusy('IAM', name, () => client.send(new GetRoleCommand({ RoleName: name }))).catch(
        (error: unknown) => (error instanceof NoSuchEntityException ? undefined : Promise.reject(error)),
      );
      if (!answer) return undefined;
      const { Role } = answer;
      const policy = JSON.parse(decodeURIComponent(Role!.AssumeRolePolicyDocument!)) as {
        Statement: Statement | Statement[];
      };
      const allowing = [policy.Statement].flat().filter(statement => statement.Effect === 'Allow');
      return { roleId: Role!.RoleId!, trusted: allowing.flatMap(trustedIn) };
    },
  };
}

function trustedIn({ Principal }: Statement): string[] {
  if (Principal === undefined || typeof Principal === 'string') return [Principal ?? 'everybody but those it names'];
  return Object.values(Principal).flat();
}
