import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** A dialog whose code is loaded when it is opened: most visits to a page never do. */
export function lazyDialog<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
): ComponentType<Props> {
  return function LazyDialog(props: Props) {
    const [Dialog, setDialog] = useState<ComponentType<Props> | null>(null);
    useEffect(() => {
      void load().then((loaded) => setDialog(() => loaded));
    }, []);
    return Dialog && <Dialog {...props} />;
  };
}
