// Runs in the host child. Evaluates a component bundle from memory and finds the component in its exports. The
// bytes come over the pipe, so the child needs no readable file but its own script.
import { createRequire } from 'node:module';
import vm from 'node:vm';

type Perform = (...args: readonly unknown[]) => unknown;
export type LoadedAction = { readonly perform: Perform };
export type LoadedComponent = {
  readonly exported: object;
  readonly findAction: (key: string) => LoadedAction | null;
};

const bundlePath = '/component/index.js';

export function loadComponent(source: Buffer): LoadedComponent {
  const module: { exports: unknown } = { exports: {} };
  const script = new vm.Script(
    `(function (exports, require, module, __filename, __dirname) {${source.toString('utf8')}\n})`,
    {
      filename: bundlePath,
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    },
  );
  const evaluate: unknown = script.runInThisContext();
  if (typeof evaluate !== 'function') throw new TypeError('The bundle is no CommonJS module.');
  evaluate.call(module.exports, module.exports, createRequire(bundlePath), module, bundlePath, '/component');
  return asComponent(module.exports);
}

function asComponent(exported: unknown): LoadedComponent {
  const component = isObject(exported) && isObject(exported.default) ? exported.default : exported;
  if (!isObject(component) || typeof component.key !== 'string' || !isObject(component.actions ?? {})) {
    throw new TypeError('The bundle exports no component (an object with `key` and `actions`).');
  }
  return { exported: component, findAction: (key) => findAction(component.actions, key) };
}

function findAction(actions: unknown, key: string): LoadedAction | null {
  if (!isObject(actions)) return null;
  const direct = Object.hasOwn(actions, key) ? actions[key] : undefined;
  const action = direct ?? Object.values(actions).find((one) => isObject(one) && one.key === key);
  if (!isObject(action) || typeof action.perform !== 'function') return null;
  const perform = action.perform;
  return { perform: (...args) => Reflect.apply(perform, action, args) };
}

/** Everything of the component that JSON can say: what publishing it sends, too. */
export function describeComponent(component: LoadedComponent): unknown {
  return JSON.parse(JSON.stringify(component.exported));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
