"""The local language model in LM Studio's place: the OpenAI paths, answered by a small model of our own."""
