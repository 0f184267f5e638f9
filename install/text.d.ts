/** What the bundler loads as text. */
declare module '*.sh' {
  const text: string;
  export default text;
}
