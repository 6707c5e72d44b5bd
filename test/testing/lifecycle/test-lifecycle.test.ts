import { testLifecycle } from "headwater/testing";
import { DOOR_EVENTS, Door, doorMachine, MotorDoor, shownBy } from "./door.js";

const options = { events: DOOR_EVENTS, expected: shownBy };

testLifecycle(doorMachine, { create: () => new Door() }, { ...options, name: "a door" });

testLifecycle(
  doorMachine,
  { create: async (ports) => new MotorDoor(ports) },
  {
    ...options,
    name: "a door with a motor",
    seed: 7,
    sequences: { runs: 10 },
    interleavings: { runs: 20, systems: 3, senders: 3, events: 2 },
  },
);
