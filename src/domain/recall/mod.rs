//! The recall case: request, approval, execution.
