/** What the controls share: they cannot know the model. On metrics with `gate: controls` a real method must beat all of them. */
export const control = {
  paper: "control",
  revision: 1,
  kind: "map",
  map: "sum",
  control: true,
  needs: [],
  params: {},
  cost: () => ({ forwards: 0, backwards: 0 }),
} as const;
