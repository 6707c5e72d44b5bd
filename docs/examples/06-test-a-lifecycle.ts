import { testLifecycle } from "headwater/testing";
import { createMachine } from "xstate";

const machine = createMachine({
  id: "light",
  initial: "off",
  states: { off: { on: { On: "on" } }, on: { on: { Off: "off" } } },
});

class Light {
  isOn = false;
}

testLifecycle(machine, {
  create() {
    const light = new Light();
    return {
      send: ({ type }) => {
        light.isOn = type === "On";
      },
      state: () => (light.isOn ? "on" : "off"),
    };
  },
});
