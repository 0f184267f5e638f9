/**
 * The parts of dynalite that are used as a library: its parsers of DynamoDB's expressions, with
 * AWS's error texts.
 */

declare module 'dynalite/validations/index.js' {
  interface Expressions {
    UpdateExpression?: string;
    ConditionExpression?: string;
    KeyConditionExpression?: string;
    FilterExpression?: string;
    ProjectionExpression?: string;
    ExpressionAttributeNames?: Record<string, string>;
    ExpressionAttributeValues?: Record<string, any>;
    _updates?: any;
    _condition?: any;
    _keyCondition?: any;
    _filter?: any;
    _projection?: any;
  }
  const validations: {
    /**
     * Returns AWS's message about a mistake, and writes the parsed expressions into `_updates`,
     * `_condition`, …
     */
    validateExpressions(data: Expressions): string | undefined;
    validateExpressionParams(data: Expressions, expressions: string[], legacy: string[]): string | undefined;
    /** Returns AWS's message about a mistake, and changes numbers to their plain form in place. */
    validateAttributeValue(value: any): string | undefined;
    convertKeyCondition(
      expression: any,
    ): string | Record<string, { ComparisonOperator: string; AttributeValueList: any[] }>;
    validateConditions(conditions: any): string | undefined;
  };
  export default validations;
}

declare module 'dynalite/db/index.js' {
  interface Table {
    KeySchema: { AttributeName: string; KeyType: string }[];
    AttributeDefinitions: { AttributeName: string; AttributeType: string }[];
    GlobalSecondaryIndexes?: { IndexName: string; KeySchema: { AttributeName: string; KeyType: string }[] }[];
  }
  const db: {
    MAX_SIZE: number;
    compare(operator: string, value: any, others: any[]): boolean;
    itemSize(item: any): number;
    mapPath(path: (string | number)[], item: any): any;
    mapPaths(paths: any[], item: any): any;
    /** A string that sorts as DynamoDB sorts keys of this type. */
    toRangeStr(value: any): string;
    validateItem(item: any, table: Table): Error | null | undefined;
    validateKey(key: any, table: Table): Error | null | undefined;
    validateKeyPaths(paths: any, table: Table): Error | null | undefined;
    validateUpdates(legacy: undefined, updates: any, table: Table): Error | null | undefined;
  };
  export default db;
}
