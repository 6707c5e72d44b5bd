export default { name: "not a job" };
