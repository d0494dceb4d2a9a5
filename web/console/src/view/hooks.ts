// What views share: models that live as long as a view shows them, and what the screen is like.
import { useEffect, useMemo, useState } from 'preact/hooks';

/** A model made for a key, and closed when another takes its place or the view goes. */
export function useModel<T extends { close(): void }>(make: () => T, key: string): T {
  const model = useMemo(make, [key]);
  useEffect(() => () => model.close(), [model]);
  return model;
}

/** Whether a media query holds. */
export function useMedia(query: string): boolean {
  const list = useMemo(() => matchMedia(query), [query]);
  const [is, set] = useState(list.matches);
  useEffect(() => {
    const heard = (): void => set(list.matches);
    heard();
    list.addEventListener('change', heard);
    return () => list.removeEventListener('change', heard);
  }, [list]);
  return is;
}

/** Has the document's title say where one is. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · runsd`;
  }, [title]);
}
