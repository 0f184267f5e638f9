/** The values of a Task's `Resource` that the stand-in can run. */

export const functionArn = /^arn:aws:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(:[\w$-]+)?$/;
export const invokeAndWait = 'arn:aws:states:::lambda:invoke.waitForTaskToken';
export const putEvents = 'arn:aws:states:::events:putEvents';

export function knowsResource(resource: string): boolean {
  return functionArn.test(resource) || resource === invokeAndWait || resource === putEvents;
}
