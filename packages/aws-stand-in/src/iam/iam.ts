/** The IAM service for its callers, and the roles and policies of the template. */
import * as model from '@aws-sdk/client-iam';
import type { LocalIam, Role } from './local-iam.ts';
import { refuseOthers } from '../service/refusal.ts';
import type { ResourceType, Service } from '../service/service.ts';
import { physicalName } from '../template/template.ts';
import { simulate } from './simulate.ts';

export function iamService(iam: LocalIam, account: string): Service {
  const shown = (role: Role) => ({
    Path: role.path,
    RoleName: role.roleName,
    RoleId: role.roleId,
    Arn: role.arn,
    CreateDate: new Date(role.createdAt),
    // IAM documents this RFC 3986 encoding.
    AssumeRolePolicyDocument: encodeURIComponent(JSON.stringify(role.trustPolicy)),
  });
  return {
    name: 'iam',
    model,
    client: 'IAMClient',
    operations: {
      ListRoles(input, call) {
        call.authorize('iam:ListRoles', '*');
        refuseOthers('iam:ListRoles', input, ['PathPrefix', 'Marker', 'MaxItems']);
        const { PathPrefix = '/', Marker = '', MaxItems = 100 } = input;
        const roles = iam.roles().filter(role => role.path.startsWith(PathPrefix) && role.roleName > Marker);
        const page = roles.slice(0, MaxItems);
        const isTruncated = roles.length > page.length;
        return {
          Roles: page.map(shown),
          IsTruncated: isTruncated,
          Marker: isTruncated ? page.at(-1)!.roleName : undefined,
        };
      },
      GetRole(input, call) {
        call.authorize('iam:GetRole', `arn:aws:iam::${account}:role/${input.RoleName}`);
        return { Role: shown(iam.role(input.RoleName)) };
      },
      SimulatePrincipalPolicy: (input, call) => simulate(iam, account, input, call),
    },
    resources: resources(iam, account),
  };
}

function resources(iam: LocalIam, account: string): Record<string, ResourceType> {
  return {
    'AWS::IAM::Role'(request) {
      const { properties } = request;
      refuseOthers('AWS::IAM::Role', properties, [
        'RoleName',
        'Path',
        'AssumeRolePolicyDocument',
        'Policies',
        'ManagedPolicyArns',
        'Description',
        'MaxSessionDuration',
        'Tags',
      ]);
      const name = physicalName(request, 'RoleName');
      const { arn, roleId } = iam.putRole(name, properties.AssumeRolePolicyDocument, [], properties.Path ?? '/');
      for (const { PolicyName, PolicyDocument } of properties.Policies ?? [])
        iam.putRolePolicy(name, `inline:${PolicyName}`, PolicyDocument);
      for (const policy of properties.ManagedPolicyArns ?? [])
        iam.putRolePolicy(name, policy, iam.managedPolicy(policy));
      return { ref: name, attributes: { Arn: arn, RoleId: roleId } };
    },
    'AWS::IAM::Policy'({ properties, stackName, logicalId }) {
      refuseOthers('AWS::IAM::Policy', properties, ['PolicyName', 'PolicyDocument', 'Roles']);
      for (const role of properties.Roles)
        iam.putRolePolicy(role, `inline:${properties.PolicyName}`, properties.PolicyDocument);
      // The name is unique in its role only, so CloudFormation makes an id of its own.
      return { ref: `${stackName}-${logicalId}` };
    },
    'AWS::IAM::ManagedPolicy'(request) {
      const { properties } = request;
      refuseOthers('AWS::IAM::ManagedPolicy', properties, [
        'ManagedPolicyName',
        'PolicyDocument',
        'Roles',
        'Description',
        'Path',
      ]);
      const name = physicalName(request, 'ManagedPolicyName');
      const arn = `arn:aws:iam::${account}:policy${properties.Path ?? '/'}${name}`;
      iam.putManagedPolicy(arn, properties.PolicyDocument);
      for (const role of properties.Roles ?? []) iam.putRolePolicy(role, arn, properties.PolicyDocument);
      return { ref: arn, attributes: { PolicyArn: arn } };
    },
    'AWS::IAM::InstanceProfile'(request) {
      const { properties } = request;
      refuseOthers('AWS::IAM::InstanceProfile', properties, ['InstanceProfileName', 'Path', 'Roles']);
      const name = physicalName(request, 'InstanceProfileName');
      iam.role(properties.Roles[0]);
      return { ref: name, attributes: { Arn: `arn:aws:iam::${account}:instance-profile/${name}` } };
    },
  };
}
