/** Why a command cannot do what it was asked for: its message is all that its user needs to see. */
export class Refusal extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "Refusal";
  }
}
