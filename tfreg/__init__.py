"""tfreg: regularised fine-tuning of BERT-type encoders in Keras."""
